"""`pipesql score`: predictions of any model, judged by execution."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--golden", type=click.Path(path_type=Path), required=True, help="The golden.jsonl of a data folder.")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    required=True,
    help='One JSON object per line: {"id", "pipe_sql"}.',
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write verdicts.jsonl, evaluation.html and figures to."
)
@click.option("--split", default="dev", show_default=True, help="Golden pairs whose questions are to be answered.")
@click.option(
    "--partial", is_flag=True, help="Leave out questions that have no prediction; without it they count as wrong."
)
@click.option(
    "--workers", type=click.IntRange(min=0), default=0, metavar="N", show_default="one per core", help="Processes."
)
@click.option(
    "--timeout", default=5.0, show_default=True, metavar="SECONDS", help="Stop a query that runs longer than this."
)
def score(
    golden: Path, predictions: Path, out: Path | None, split: str, partial: bool, workers: int, timeout: float
) -> None:
    """Judge predictions by executing them.

    Prints accuracy by three rules (strict, Spider's, BIRD's) with 95% intervals, broken down by hardness and construct.

    \b
    pipesql score --golden data/golden.jsonl --predictions answers.jsonl --out scores/
    """
    from pipesql.api.score import score as judge

    evaluation = judge(golden, predictions, split=split, partial=partial, workers=workers, timeout_s=timeout)
    if out is not None:
        evaluation.write(out)
    click.echo(evaluation.text())
