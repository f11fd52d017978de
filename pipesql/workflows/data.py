"""Step `data`: a question set becomes golden pairs, rejections with reasons, and training samples."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipesql.benchmarks import Source
from pipesql.options import group, option, values_of
from pipesql.samples.layouts import Options as SampleOptions
from pipesql.tracking import tags

if TYPE_CHECKING:
    from pipesql.golden import Making


@dataclass(frozen=True)
class BuildOptions:
    """How golden pairs are built. None of these changes the pairs."""

    baseline: str = option("", "An earlier output folder or data run: fail if a golden pair of it is golden no longer.")
    engine: str = option("local", "local: processes on this machine; spark: the session of SPARK_MASTER, or local[*].")
    workers: int = option(0, "With engine=local: number of processes; 0: one for each core, none for a small set.")


@dataclass(frozen=True)
class DataOptions:
    """What the data step makes, and from which questions."""

    source: Source = group(Source)
    seed: int = option(0, "Draws the questions, and perturbs the copies of databases.")
    augment: int = option(0, "Make up to N new pairs from each training pair.")
    samples: SampleOptions = group(SampleOptions)
    build: BuildOptions = group(BuildOptions)

    def config(self) -> dict[str, Any]:
        """All that decides the output."""
        return {
            **values_of(self.source),
            "seed": self.seed,
            "augment": self.augment,
            **values_of(self.samples),
        }


def data(options: DataOptions) -> str:
    """Turn a question set into golden pairs and training samples.

    Returns the report, what was left out, and the statistics of the samples.
    """
    # Imported here, since worker processes import this module again and need none of it.
    from pipesql import augment as augmentation
    from pipesql import benchmarks, golden
    from pipesql.samples import output as sample_files
    from pipesql.samples.build import build as build_samples
    from pipesql.samples.splits import split_pairs
    from pipesql.samples.stats import statistics_text
    from pipesql.storage import config_name, whole_folder
    from pipesql.tracking.runs import step_run
    from pipesql.tracking.store import project_root

    start, benchmark, config = time.monotonic(), options.source.benchmark, options.config()
    place = Path("output", "data", config_name(benchmark, config))
    making = _making(Path(os.path.relpath(project_root() / place)), options.build)
    with step_run("data", tags={tags.BENCHMARK: benchmark, tags.OUTPUT: place}) as run:
        run.params(**config)
        shape = replace(options.samples, seed=options.seed)
        found = benchmarks.read(options.source, options.seed, report=click.echo)
        questions = found.questions
        build = making.build(questions, options.seed)
        grown = augmentation.grow(build.pairs, options.augment, options.seed, golden.build)
        with whole_folder(making.target) as scratch:
            splits = split_pairs([*build.pairs, *grown.pairs], questions, shape.validation, options.seed)
            made = {split: build_samples(pairs, shape, splits.questions()) for split, pairs in splits.parts().items()}
            golden.write(scratch, build, making.comparison)
            stats = sample_files.write(scratch, made, splits, shape, f"Samples of {place.name}")
            grown.write(scratch)
            more = found.manifest() | grown.manifest() | {"leaks": splits.leak_report()}
            golden.write_manifest(scratch, config, questions, build, more)
        for split, digest, rows in golden.question_digests(questions):
            run.dataset(f"{benchmark}-{split}", found.place, digest, split, rows)
        metrics = golden.metrics(build) | sample_files.metrics(stats, splits) | found.metrics() | grown.metrics()
        run.metrics(metrics | {"time/seconds": time.monotonic() - start})
        for name in (*golden.artifacts(making.target), *sample_files.ARTIFACTS, *grown.artifacts()):
            run.artifact(making.target / name)
        making.finish()
    report = (making.folder / "report.txt").read_text(encoding="utf-8")
    return "\n".join([
        *found.notes(), report, *grown.notes(),
        f"{statistics_text(stats)}withheld from train: {len(splits.withheld)}",
        f"written to {making.folder} in {time.monotonic() - start:.1f} s",
    ])  # fmt: skip


def _making(folder: Path, options: BuildOptions) -> Making:
    from pipesql.golden import Making
    from pipesql.tracking.lookup import golden_file

    return Making(folder, options.engine, options.workers, golden_file(options.baseline) if options.baseline else None)
