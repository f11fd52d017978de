"""Predictions of any model, judged as the evaluate step judges its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pipesql.errors import BadInput
from pipesql.records import GoldenPair
from pipesql.storage import read_jsonl


def score(
    golden: Path, predictions: Path, out: Path | None, split: str, partial: bool, workers: int, timeout_s: float
) -> str:
    """The table of what the predictions are worth on the golden pairs of a split; with `out`, files are written there.

    Raises BadInput where files cannot be read or written, and ExecutionError where a gold does not run.
    """
    for needed in ("numpy", "jinja2"):
        if importlib.util.find_spec(needed) is None:
            raise BadInput(f"scoring needs {needed}: pip install 'pipesql[train]'")
    from pipesql.evaluate.judge_all import Limits, judge_all
    from pipesql.evaluate.questions import golds_by_database
    from pipesql.evaluate.report.evaluation import HANDED_IN, Evaluation
    from pipesql.evaluate.submitted import read_predictions

    pairs = [pair for pair in read_jsonl(golden, GoldenPair) if pair.split == split]
    if not pairs:
        raise BadInput(f"{golden} holds no pair of the split {split}; name one that it has with --split")
    asked = read_predictions(predictions, pairs, partial=partial)
    judged = judge_all(asked, golds_by_database(pairs), workers=workers, limits=Limits(timeout_s=timeout_s))
    evaluation = Evaluation(f"Scores of {predictions.name}", {HANDED_IN: judged})
    if out is not None:
        evaluation.write(out)
    return evaluation.text()
