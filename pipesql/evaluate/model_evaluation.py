"""The evaluation of one model: its answers to questions, judged, with its progress and figures of its speed.

`evaluate_model` is for a finished model; `accuracy_on` measures one in training, so that the best checkpoint can be
chosen by execution accuracy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipesql.errors import InvalidFile
from pipesql.evaluate.cache import AnswerCache
from pipesql.evaluate.judge import Judged, judge_all, judge_strictly
from pipesql.evaluate.questions import prompt_shape
from pipesql.inference.answer import predict
from pipesql.inference.config import DecodingConfig
from pipesql.models.folder import fingerprint
from pipesql.models.load import choose_device, compute_dtype
from pipesql.progress import Progress
from pipesql.records import GoldenPair, Prediction
from pipesql.storage import read_jsonl

if TYPE_CHECKING:
    from pipesql.inference.agent import Span


def evaluate_model(
    name: str,
    model: Any,
    tokenizer: Any,
    questions: Sequence[GoldenPair],
    batch: int,
    config: DecodingConfig | None = None,
    *,
    cache: Path | None = None,
    golds: Mapping[str, Sequence[str]] | None = None,
    span: Span | None = None,
) -> tuple[list[Judged], dict[str, float]]:
    """Answer and judge all questions with a model, moved to the best device of this machine first.

    Baseline and candidate get the same `config`, with the layout that the candidate was trained in. Answers of this
    model in the folder `cache` are used, and new ones added to it. `golds` are the gold queries of each database
    whose values are seeded into its copies (`judge_all`). `span` records what an agent does.

    Returns the answers in the order of the questions, and metrics: `name/seconds` (answering and judging),
    `name/from_cache` (answers from the cache), `name/tokens_per_answer`, and for new answers
    `name/answers_per_second` and `name/tokens_per_second` (generated tokens).
    """
    how, device = config or DecodingConfig(), choose_device()
    model.to(device=device, dtype=compute_dtype(device, how.precision))
    start = time.monotonic()
    kept = AnswerCache(cache, fingerprint(model, tokenizer), how.settings()) if cache else None
    answers = {q.id: found for q in questions if kept and (found := kept.get(q))}
    missing = {q.id: q for q in questions if q.id not in answers}
    began = time.monotonic()
    with Progress(f"{name} answers", len(missing), "questions") as progress:

        def take(answer: Prediction) -> None:
            if kept:
                kept.add(missing[answer.id], answer)
            progress.update()

        new = predict(model, tokenizer, list(missing.values()), how, batch=batch, on_answer=take, span=span)
    answering = max(time.monotonic() - began, 1e-9)
    from_cache = len(answers)
    answers |= {answer.id: answer for answer in new}
    predictions = [answers[q.id] for q in questions]
    with Progress(f"{name} verdicts", len(predictions), "answers") as progress:
        judged = judge_all(predictions, golds, on_judged=progress.update)
    metrics = {
        f"{name}/seconds": time.monotonic() - start,
        f"{name}/from_cache": from_cache,
        f"{name}/tokens_per_answer": sum(p.tokens for p in predictions) / max(len(predictions), 1),
    }
    if new:
        metrics[f"{name}/answers_per_second"] = len(new) / answering
        metrics[f"{name}/tokens_per_second"] = sum(p.tokens for p in new) / answering
    return judged, metrics


def accuracy_on(folder: Path, batch: int = 16) -> Callable[[Any, Any, Sequence[str], str], float]:
    """(model, tokenizer, ids of golden pairs, layout) → the share of these pairs of a data folder answered rightly.

    Decoding is greedy, in the layout that the model is trained in; the model is left in the mode in which it came.
    Raises InvalidFile where the folder has none of these pairs.
    """
    pairs = {pair.id: pair for pair in read_jsonl(folder / "golden.jsonl", GoldenPair)}
    shape = prompt_shape(folder)

    def measure(model: Any, tokenizer: Any, ids: Sequence[str], layout: str) -> float:
        questions = [pairs[name] for name in ids if name in pairs]
        if not questions:
            raise InvalidFile(f"{folder}/golden.jsonl has none of the questions to choose a checkpoint by: select loss")
        training = model.training
        model.eval()
        try:
            config = DecodingConfig(layout, shape.values, shape.keys)
            verdicts = judge_strictly(predict(model, tokenizer, questions, config, batch=batch))
        finally:
            model.train(training)
        return sum(verdict.correct for verdict in verdicts) / len(verdicts)

    return measure
