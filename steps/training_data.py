"""The data that the step `train` learns from: chosen, and looked through for leaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipesql.errors import NoSuchRun

if TYPE_CHECKING:
    from pipesql.tracking.runs import StepRun


def chosen(data: str) -> tuple[Path, str]:
    """The data folder and its run; where there is no data run yet and none was named, the data step runs first."""
    from pipesql.tracking.lookup import data_folder
    from pipesql.tracking.pipeline import run_entry

    try:
        return data_folder(data)
    except NoSuchRun:
        if data not in ("", "auto"):
            raise
        click.echo("there is no finished data run yet: running the data step with its defaults first", err=True)
        return data_folder(run_entry("data"))


def log_leaks(run: StepRun, folder: Path, output: Path) -> None:
    """Examine the folder's samples for leaks; the report is written to `output` and logged. Raises PipesqlError."""
    from pipesql.records import write_json
    from pipesql.samples.examine import examine
    from pipesql.samples.output import LEAKS, leak_metrics

    report = examine(folder)
    write_json(output / LEAKS, report)
    run.metrics(leak_metrics(report))
    run.artifact(output / LEAKS)
