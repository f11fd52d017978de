"""One side of a comparison, from a loaded model to judged answers, with a progress bar and its speed.

Execution accuracy of a model in training, by which the best checkpoint can be chosen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipesql.errors import BadInput
from pipesql.evaluate.cache import AnswerCache
from pipesql.evaluate.judge import Judged, score
from pipesql.evaluate.judge_all import judge_all
from pipesql.evaluate.questions import prompt_shape
from pipesql.inference.agent import Span, no_span
from pipesql.inference.config import Asking
from pipesql.inference.predict import predict
from pipesql.models.folder import fingerprint
from pipesql.models.load import choose_device, compute_dtype
from pipesql.records import GoldenPair, Prediction
from pipesql.storage import read_jsonl


def evaluate_side(
    side: str,
    model: Any,
    tokenizer: Any,
    questions: Sequence[GoldenPair],
    batch: int,
    asking: Asking | None = None,
    *,
    cache: Path | None = None,
    golds: Mapping[str, Sequence[str]] | None = None,
    span: Span = no_span,
) -> tuple[list[Judged], dict[str, float]]:
    """Answer and judge all questions with a model, moved to the best device of this machine first.

    Both sides are asked as `asking` says, in the layout that the tuned model was trained in. What the folder `cache`
    holds of this model's answers is not asked again, and what is asked is added to it. `golds` are for each database
    the gold queries whose values are seeded into its copies. `span` records what an agent does.

    Returns the answers in the order of the questions, and metrics: `side/seconds` (answering and judging),
    `side/from_cache` (answers that were there), `side/tokens_per_answer`, and of what was asked
    `side/answers_per_second` and `side/tokens_per_second` (generated tokens).
    """
    how, device = asking or Asking(), choose_device()
    model.to(device=device, dtype=compute_dtype(device, how.precision))
    start = time.monotonic()
    kept = AnswerCache(cache, fingerprint(model, tokenizer), how.settings()) if cache else None
    answers = {q.id: found for q in questions if kept and (found := kept.get(q))}
    missing = {q.id: q for q in questions if q.id not in answers}
    began = time.monotonic()
    # A line a second on a terminal; elsewhere one every ten seconds, so that a log shows that it goes on.
    pause = 1.0 if sys.stderr.isatty() else 10.0
    with tqdm(total=len(missing), desc=f"{side} answers", unit=" answers", mininterval=pause, file=sys.stderr) as bar:

        def take(answer: Prediction) -> None:
            if kept:
                kept.add(missing[answer.id], answer)
            bar.update()

        asked = predict(model, tokenizer, list(missing.values()), how, batch=batch, on_answer=take, span=span)
    answering = max(time.monotonic() - began, 1e-9)
    from_cache = len(answers)
    answers |= {answer.id: answer for answer in asked}
    predictions = [answers[q.id] for q in questions]
    judged = judge_all(predictions, golds)
    metrics = {
        f"{side}/seconds": time.monotonic() - start,
        f"{side}/from_cache": from_cache,
        f"{side}/tokens_per_answer": sum(p.tokens for p in predictions) / max(len(predictions), 1),
    }
    if asked:
        metrics[f"{side}/answers_per_second"] = len(asked) / answering
        metrics[f"{side}/tokens_per_second"] = sum(p.tokens for p in asked) / answering
    return judged, metrics


def accuracy_on(folder: Path, batch: int = 16) -> Callable[[Any, Any, Sequence[str], str], float]:
    """(model, tokenizer, ids of golden pairs, layout) → the share answered right, of the pairs of a data folder.

    The model is asked greedily in the layout that it is trained in, and left in the mode in which it came. Raises
    BadInput where the folder has no such pairs.
    """
    pairs = {pair.id: pair for pair in read_jsonl(folder / "golden.jsonl", GoldenPair)}
    shape = prompt_shape(folder)
    values, keys = shape["values"], shape["keys"]

    def measure(model: Any, tokenizer: Any, ids: Sequence[str], layout: str) -> float:
        asked = [pairs[name] for name in ids if name in pairs]
        if not asked:
            raise BadInput(f"{folder}/golden.jsonl has none of the questions to choose a checkpoint by: select loss")
        training = model.training
        model.eval()
        try:
            verdicts = score(predict(model, tokenizer, asked, Asking(layout, values, keys), batch=batch))
        finally:
            model.train(training)
        return sum(verdict.correct for verdict in verdicts) / len(verdicts)

    return measure
