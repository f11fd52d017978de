"""Questions to predictions: the prompt that the model was trained on, decoded operator by operator.

The base model is asked in the same words and read by the same rule as the tuned one; its prompt, too, says in the
system message that a pipe SQL query is wanted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipesql.chat.prompts import messages
from pipesql.chat.template import prompt_ids
from pipesql.evaluate.asking import Asking
from pipesql.evaluate.vote import vote
from pipesql.execution.schema import read_schema
from pipesql.generate.check import check_operators
from pipesql.generate.decode import decode
from pipesql.generate.decoded import Decoded
from pipesql.generate.stepwise import decode_stepwise
from pipesql.pipe.schema import Schema
from pipesql.records import GoldenPair, Prediction
from pipesql.tools.grounding import matching_values

OnAnswer = Callable[[Prediction], None]


def predict(
    model: Any,
    tokenizer: Any,
    questions: Sequence[GoldenPair],
    asking: Asking | None = None,
    *,
    batch: int = 16,
    on_answer: OnAnswer | None = None,
) -> list[Prediction]:
    """Answer every question; predictions in the order of the questions, each also given to `on_answer` as it comes.

    The model and its tokenizer come from transformers; the gold is only carried along, never shown to the model.
    `batch` answers are decoded together. Raises BadInput for a database that cannot be read, or a tokenizer that the
    constraint cannot read.
    """
    asking = asking or Asking()
    schemas = {path: read_schema(path) for path in dict.fromkeys(q.database for q in questions)}
    answers: dict[int, Prediction] = {}

    def report(index: int, decoded: Decoded, share: float = 1.0) -> None:
        answers[index] = _prediction(questions[index], decoded, share)
        if on_answer is not None:
            on_answer(answers[index])

    if asking.constrained:
        _guided(model, tokenizer, questions, schemas, asking, batch, report)
    else:
        _free(model, tokenizer, questions, schemas, asking, batch, report)
    return [answers[index] for index in range(len(questions))]


def _free(
    model: Any,
    tokenizer: Any,
    questions: Sequence[GoldenPair],
    schemas: Mapping[str, Schema],
    asking: Asking,
    batch: int,
    report: Callable[[int, Decoded], None],
) -> None:
    """Greedy, whatever it writes; an operator that does not hold ends the answer."""

    def prompt(index: int, so_far: Sequence[str]) -> list[int]:
        return _prompt(tokenizer, questions[index], schemas, asking.values, so_far)

    def check(index: int, operators: Sequence[str]) -> str | None:
        return check_operators(schemas[questions[index].database], operators)

    how: dict[str, Any] = {"limits": asking.limits, "batch": batch, "on_answer": report}
    if asking.layout == "steps":
        decode_stepwise(model, tokenizer, len(questions), prompt, check, **how)
    else:
        decode(model, tokenizer, [prompt(index, ()) for index in range(len(questions))], check, **how)


def _guided(
    model: Any,
    tokenizer: Any,
    questions: Sequence[GoldenPair],
    schemas: Mapping[str, Schema],
    asking: Asking,
    batch: int,
    report: Callable[[int, Decoded, float], None],
) -> None:
    """Under the constraint; of several answers to a question the one that wins the vote."""
    from pipesql.evaluate.guidance import Guidance

    drawn: dict[int, dict[int, Decoded]] = defaultdict(dict)
    prompts = [_prompt(tokenizer, q, schemas, asking.values) for q in questions for _ in range(asking.count)]
    with Guidance(model, tokenizer, questions, schemas, asking) as guidance:

        def collect(index: int, decoded: Decoded) -> None:
            number = index // asking.count
            drawn[number][index] = decoded
            if len(drawn[number]) < asking.count:
                return
            of_one = [decoded for _, decoded in sorted(drawn.pop(number).items())]
            if asking.mode == "vote":
                report(number, *vote(of_one, lambda operators: guidance.rows(questions[number], operators)))
            else:
                report(number, decoded, 1.0)

        decode(
            model,
            tokenizer,
            prompts,
            lambda index, operators: None,
            limits=asking.limits,
            batch=batch,
            guide=guidance.guide(),
            on_answer=collect,
        )


def _prompt(
    tokenizer: Any, asked: GoldenPair, schemas: Mapping[str, Schema], values: int, so_far: Sequence[str] = ()
) -> list[int]:
    found = matching_values(asked.database, asked.question, values)
    return prompt_ids(tokenizer, messages(schemas[asked.database], asked.question, asked.evidence, so_far, found))


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
    )
