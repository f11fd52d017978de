"""One side of a comparison, from a loaded model to verdicts, with a progress bar and its speed."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipesql.evaluate.predict import predict
from pipesql.evaluate.score import score
from pipesql.models.load import choose_device, compute_dtype
from pipesql.records import GoldenPair, Prediction, Verdict, write_jsonl


def evaluate_side(
    side: str,
    model: Any,
    tokenizer: Any,
    questions: Sequence[GoldenPair],
    batch: int,
    layout: str = "folded",
    values: int = 0,
) -> tuple[list[Verdict], dict[str, float]]:
    """Answer and judge all questions with a model, moved to the best device of this machine first.

    `layout` is the layout of samples that the tuned model was trained in; both sides are asked in it, with `values` of
    the database in the prompts.

    Returns the verdicts in the order of the questions, and the metrics `side/seconds` (answering and judging),
    `side/answers_per_second` and `side/tokens_per_second` (generated tokens).
    """
    device = choose_device()
    model.to(device=device, dtype=compute_dtype(device))
    start = time.monotonic()
    # A line a second on a terminal; elsewhere one every ten seconds, so that a log shows that it goes on.
    pause = 1.0 if sys.stderr.isatty() else 10.0
    with tqdm(total=len(questions), desc=f"{side} answers", unit=" answers", mininterval=pause, file=sys.stderr) as bar:

        def count(_: Prediction) -> None:
            bar.update()

        predictions = predict(model, tokenizer, questions, layout=layout, values=values, batch=batch, on_answer=count)
    answering = max(time.monotonic() - start, 1e-9)
    verdicts = score(predictions)
    return verdicts, {
        f"{side}/seconds": time.monotonic() - start,
        f"{side}/answers_per_second": len(questions) / answering,
        f"{side}/tokens_per_second": sum(p.tokens for p in predictions) / answering,
    }


def write_side(folder: Path, side: str, verdicts: Sequence[Verdict]) -> Path:
    """Write the verdicts to `folder`/`side`.jsonl and return that path. Raises BadInput where it cannot be written."""
    path = folder / f"{side}.jsonl"
    write_jsonl(path, verdicts)
    return path
