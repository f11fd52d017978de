"""Step `data`: a benchmark becomes golden pairs, rejections with reasons, and training samples."""

from __future__ import annotations

import time
from typing import Any

import click

from steps import StepCommand
from steps.build_options import build_options
from steps.sample_options import sample_options
from steps.source_options import source_options


@click.command(cls=StepCommand)
@source_options
@click.option("--seed", default=0, show_default=True, help="Chooses the sample and disturbs the copies of databases.")
@click.option("--augment", default=0, show_default=True, help="At most so many new pairs made of each train pair.")
@build_options
@sample_options
def main(source: dict[str, Any], seed: int, augment: int, wanted: dict[str, Any], making: Any) -> None:
    """Turn a benchmark into golden pairs and training samples."""
    # Imported here, since worker processes import this module again and need none of it.
    from pipesql import augment as augmentation
    from pipesql import benchmarks, golden, samples
    from pipesql.storage import whole_folder
    from pipesql.tracking.runs import step_run

    start = time.monotonic()
    config, folder, benchmark = click.get_current_context().params, making.folder, source["benchmark"]
    with step_run("data", tags={"pipesql.benchmark": benchmark, "pipesql.output": folder}) as run:
        run.params(**config)
        options = samples.Options(**wanted, seed=seed)
        found = benchmarks.read(**source, seed=seed, say=click.echo)
        questions = found.questions
        build = making.build(questions, seed)
        grown = augmentation.grow(build.pairs, augment, seed, golden.build)
        with whole_folder(making.target) as scratch:
            splits = samples.split_pairs([*build.pairs, *grown.pairs], questions, options.validation, seed)
            made = {split: samples.build(pairs, options, splits.questions()) for split, pairs in splits.parts().items()}
            golden.write(scratch, build, making.comparison)
            stats = samples.write(scratch, made, splits, options, f"Samples of {folder.name}")
            grown.write(scratch)
            more = found.manifest() | grown.manifest() | {"leaks": splits.leak_report()}
            golden.write_manifest(scratch, config, questions, build, more)
        for split, digest, rows in golden.question_digests(questions):
            run.dataset(f"{benchmark}-{split}", found.place, digest, split, rows)
        metrics = golden.metrics(build) | samples.metrics(stats, splits) | found.metrics() | grown.metrics()
        run.metrics(metrics | {"time/seconds": time.monotonic() - start})
        for name in (*golden.artifacts(making.target), *samples.ARTIFACTS, *grown.artifacts()):
            run.artifact(making.target / name)
        making.finish()
    click.echo("\n".join([*found.said(), (folder / "report.txt").read_text(encoding="utf-8"), *grown.said()]))
    click.echo(f"{samples.statistics_text(stats)}withheld from train: {len(splits.withheld)}")
    click.echo(f"written to {folder} in {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    main()
