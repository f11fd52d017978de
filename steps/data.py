"""Step `data`: a benchmark becomes golden pairs, rejections with reasons, and training samples."""

from __future__ import annotations

import time
from typing import Any

import click

from steps import StepCommand
from steps.build_options import build_options
from steps.sample_options import sample_options


@click.command(cls=StepCommand)
@click.option("--benchmark", default="demo", show_default=True, help="demo, spider, bird or files (your own).")
@click.option("--benchmark_dir", default="", help="Its folder; else it is built or fetched.")
@click.option("--questions", default="", help="With files: a JSON Lines file of questions.")
@click.option("--databases", default="", help="With files: the folder of SQLite and DuckDB files, or a SQLAlchemy URL.")
@click.option("--missing", default="fail", show_default=True, help="skip leaves out what has no database; fail stops.")
@click.option("--limit", default=0, show_default=True, help="At most so many questions of each split; 0 takes all.")
@click.option("--seed", default=0, show_default=True, help="Chooses the sample and disturbs the copies of databases.")
@build_options
@sample_options
def main(benchmark: str, benchmark_dir: str, limit: int, seed: int, wanted: Any, making: Any, **source: str) -> None:
    """Turn a benchmark into golden pairs and training samples."""
    # Imported here, since worker processes import this module again and need none of it.
    from pipesql import benchmarks, golden, samples
    from pipesql.folders import whole_folder
    from pipesql.tracking.runs import step_run

    start = time.monotonic()
    config, folder = click.get_current_context().params, making.folder
    with step_run("data", tags={"pipesql.benchmark": benchmark, "pipesql.output": folder}) as run:
        run.params(**config)
        options = samples.Options(**wanted, seed=seed)
        found = benchmarks.read(benchmark, benchmark_dir, seed=seed, limit=limit, say=click.echo, **source)
        questions = found.questions
        build = making.build(questions, seed)
        with whole_folder(making.target) as scratch:
            splits = samples.split_pairs(build.pairs, questions, options.validation, seed)
            made = {split: samples.build(pairs, options) for split, pairs in splits.parts().items()}
            golden.write(scratch, build, making.comparison)
            stats = samples.write(scratch, made, splits, options, f"Samples of {folder.name}")
            golden.write_manifest(scratch, config, questions, build, found.manifest() | {"leaks": splits.leak_report()})
        for split, digest, rows in golden.question_digests(questions):
            place = benchmark_dir or config["questions"] or questions[0].database
            run.dataset(f"{benchmark}-{split}", place, digest, split, rows)
        metrics = golden.metrics(build) | samples.metrics(stats, splits) | found.metrics()
        run.metrics(metrics | {"time/seconds": time.monotonic() - start})
        for name in (*golden.artifacts(making.target), *samples.ARTIFACTS):
            run.artifact(making.target / name)
        making.finish()
    click.echo("\n".join([*found.said(), (folder / "report.txt").read_text(encoding="utf-8")]))
    click.echo(f"{samples.statistics_text(stats)}withheld from train: {len(splits.withheld)}")
    click.echo(f"written to {folder} in {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    main()
