"""Questions to predictions.

The base model is asked in the same words and read by the same rule as the tuned one; its prompt, too, says in the
system message that a pipe SQL query is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pipesql.decoding.answers import Decoded
from pipesql.inference.agent import Span, no_span
from pipesql.inference.answer import answer
from pipesql.inference.config import Asking
from pipesql.records import GoldenPair, Prediction


def predict(
    model: Any,
    tokenizer: Any,
    questions: Sequence[GoldenPair],
    asking: Asking | None = None,
    *,
    batch: int = 16,
    on_answer: Callable[[Prediction], None] | None = None,
    span: Span = no_span,
) -> list[Prediction]:
    """Answer every question; predictions in the order of the questions, each also given to `on_answer` as it comes.

    The model and its tokenizer come from transformers; the gold is only carried along, never shown to the model.
    `batch` answers are decoded together; `span` records what an agent does. Raises BadInput for a database that cannot
    be read, or a tokenizer that the constraint cannot read.
    """
    answers: dict[int, Prediction] = {}

    def report(index: int, decoded: Decoded, share: float) -> None:
        answers[index] = _prediction(questions[index], decoded, share)
        if on_answer is not None:
            on_answer(answers[index])

    answer(model, tokenizer, questions, asking or Asking(), report, batch=batch, span=span)
    return [answers[index] for index in range(len(questions))]


def _prediction(question: GoldenPair, decoded: Decoded, share: float) -> Prediction:
    return Prediction(
        id=question.id,
        db_id=question.db_id,
        database=question.database,
        question=question.question,
        gold_sql=question.gold_sql,
        operators=decoded.operators,
        stop=decoded.stop,
        detail=decoded.detail,
        tokens=decoded.tokens,
        hardness=question.hardness,
        gold_operators=question.operators,
        score=decoded.score,
        share=share,
        switches=decoded.switches,
        unsaid=decoded.unsaid,
    )
