"""Questions to predictions: the prompt that the model was trained on, greedy decoding, checked at every operator.

The base model is asked in the same words and read by the same rule as the tuned one; its prompt, too, says in the
system message that a pipe SQL query is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pipesql.chat.prompts import messages
from pipesql.chat.template import prompt_ids
from pipesql.execution.schema import read_schema
from pipesql.generate.check import check_operators
from pipesql.generate.decode import Decoded, Limits, decode
from pipesql.generate.stepwise import decode_stepwise
from pipesql.records import GoldenPair, Prediction
from pipesql.tools.grounding import matching_values


def predict(
    model: Any,
    tokenizer: Any,
    questions: Sequence[GoldenPair],
    *,
    layout: str = "folded",
    values: int = 0,
    batch: int = 16,
    limits: Limits | None = None,
    on_answer: Callable[[Prediction], None] | None = None,
) -> list[Prediction]:
    """Answer every question; predictions in the order of the questions, each also given to `on_answer` as it comes.

    The model and its tokenizer come from transformers; the gold is only carried along, never shown to the model.
    `layout` is the one that the model was trained in: `folded` answers a prompt with all operators, `steps` is asked
    for one operator at a time. `values` of each column that a question speaks of stand in its prompt, as they did in
    training. Raises BadInput for a database that cannot be read.
    """
    schemas = {path: read_schema(path) for path in dict.fromkeys(q.database for q in questions)}

    def prompt(index: int, so_far: Sequence[str]) -> list[int]:
        asked = questions[index]
        found = matching_values(asked.database, asked.question, values)
        return prompt_ids(tokenizer, messages(schemas[asked.database], asked.question, asked.evidence, so_far, found))

    def check(index: int, operators: Sequence[str]) -> str | None:
        return check_operators(schemas[questions[index].database], operators)

    def report(index: int, decoded: Decoded) -> None:
        if on_answer is not None:
            on_answer(_prediction(questions[index], decoded))

    if layout == "steps":
        answers = decode_stepwise(
            model, tokenizer, len(questions), prompt, check, limits=limits, batch=batch, on_answer=report
        )
    else:
        prompts = [prompt(index, ()) for index in range(len(questions))]
        answers = decode(model, tokenizer, prompts, check, limits=limits, batch=batch, on_answer=report)
    return [_prediction(question, decoded) for question, decoded in zip(questions, answers, strict=True)]


def _prediction(question: GoldenPair, decoded: Decoded) -> Prediction:
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
    )
