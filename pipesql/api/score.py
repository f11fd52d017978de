"""Answers of any model, judged by execution as the step `evaluate` judges its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipesql.api import require
from pipesql.errors import InvalidFile
from pipesql.records import GoldenPair
from pipesql.storage import read_jsonl

if TYPE_CHECKING:
    from pipesql.evaluate.report.evaluation import Evaluation


def score(
    golden: Path | str,
    predictions: Path | str,
    *,
    split: str = "dev",
    partial: bool = False,
    workers: int = 0,
    timeout_s: float = 5.0,
) -> Evaluation:
    """Judge predictions by executing them: by the strict rule, Spider's and BIRD's.

    `golden` is the golden.jsonl of a data folder, `predictions` a file of one JSON object a line with the texts `id`
    and `pipe_sql`. Of the golden pairs those of `split` are asked. A question without a prediction counts as wrong, or
    with `partial` is left out. `workers` is the number of processes, 0 for one per core; each query has
    `timeout_s` seconds.

    The evaluation's `text()` is the table that the command line prints, `metrics()` the figures by name (shares from 0
    to 1), and `write(folder)` writes verdicts, page and figures there:

        evaluation = pipesql.score("data/golden.jsonl", "answers.jsonl")
        evaluation.metrics()["answers/ex"]

    Raises BadInput where a file cannot be read, a line is not a prediction, or the split has no pairs, and
    ExecutionError where a gold query does not run.
    """
    require("train", "scoring", "numpy", "jinja2")
    from pipesql.evaluate.judge import judge_all
    from pipesql.evaluate.questions import golds_by_database
    from pipesql.evaluate.report.evaluation import SUBMITTED, Evaluation
    from pipesql.evaluate.submitted import read_predictions
    from pipesql.execution.connection import QueryLimits

    pairs = [pair for pair in read_jsonl(Path(golden), GoldenPair) if pair.split == split]
    if not pairs:
        raise InvalidFile(f"{golden} does not hold golden pairs of the split {split}: choose another split (--split)")
    answers = read_predictions(Path(predictions), pairs, partial=partial)
    judged = judge_all(answers, golds_by_database(pairs), workers=workers, limits=QueryLimits(timeout_s=timeout_s))
    return Evaluation(f"Scores of {Path(predictions).name}", {SUBMITTED: judged})
