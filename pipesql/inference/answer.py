"""A question becomes an answer: the prompt that the model was trained on, decoded operator by operator.

`answer` takes any questions and reports what was decoded; `predict` takes golden pairs and returns predictions to be
judged. The base model gets the same prompt and is read by the same rule as the tuned one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipesql.assistant_tools.schema_pruning import prune_schema
from pipesql.chat.prompts import Value, messages
from pipesql.chat.template import prompt_ids
from pipesql.decoding.decode import decode
from pipesql.decoding.types import Decoded
from pipesql.execution.database import Database
from pipesql.inference.config import DecodingConfig, Question
from pipesql.pipe.read import error_in
from pipesql.pipe.schema import Schema
from pipesql.records import GoldenPair, Prediction

if TYPE_CHECKING:
    from pipesql.inference.agent import Agent, Span

Report = Callable[[int, Decoded, float], None]
"""(index of the question, its answer, the share of the votes that its result won; 1 without a vote)."""
OnOperators = Callable[[int, Sequence[str]], None]
"""(index of the question, its operators so far): called as operators are finished or taken back."""


def predict(
    model: Any,
    tokenizer: Any,
    questions: Sequence[GoldenPair],
    config: DecodingConfig | None = None,
    *,
    batch: int = 16,
    on_answer: Callable[[Prediction], None] | None = None,
    span: Span | None = None,
) -> list[Prediction]:
    """Answer every question; predictions in the order of the questions, each also given to `on_answer` as it comes.

    The model never sees the gold query, which is only carried along. Otherwise as `answer`.
    """
    answers: dict[int, Prediction] = {}

    def report(index: int, decoded: Decoded, share: float) -> None:
        answers[index] = prediction(questions[index], decoded, share)
        if on_answer is not None:
            on_answer(answers[index])

    answer(model, tokenizer, questions, config or DecodingConfig(), report, batch=batch, span=span)
    return [answers[index] for index in range(len(questions))]


def prediction(pair: GoldenPair, decoded: Decoded, share: float) -> Prediction:
    """The record of an answer to a golden pair's question."""
    return Prediction(
        id=pair.id,
        db_id=pair.db_id,
        database=pair.database,
        question=pair.question,
        gold_sql=pair.gold_sql,
        operators=decoded.operators,
        stop=decoded.stop,
        detail=decoded.detail,
        tokens=decoded.tokens,
        hardness=pair.hardness,
        gold_operators=pair.operators,
        logprob=decoded.logprob,
        share=share,
        backtracks=decoded.backtracks,
        missing_mentions=decoded.missing_mentions,
    )


def answer(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question],
    config: DecodingConfig,
    report: Report,
    *,
    batch: int = 16,
    on_operators: OnOperators | None = None,
    span: Span | None = None,
) -> None:
    """Answer every question with a transformers model and its tokenizer, and report each answer as it comes.

    `batch` answers are decoded together. `on_operators` follows the answers as they are written; of several answers to
    a question, the first. `span` records what an agent does. Raises BadInput for a database that cannot be read, or a
    tokenizer that constrained decoding cannot use.
    """
    if config.mode == "agent":
        from pipesql.inference.agent import Agent
        from pipesql.inference.chat_model import LocalChatModel

        answer_as_agent(Agent(LocalChatModel(model, tokenizer), span=span), questions, config, report)
        return
    schemas = {path: Database(path).schema for path in dict.fromkeys(q.database for q in questions)}
    follow = on_operators or (lambda index, operators: None)

    def prompt(index: int, so_far: Sequence[str] = ()) -> list[int]:
        question = questions[index]
        values = _values(question, config)
        schema = schemas[question.database] if config.keys else schemas[question.database].without_keys()
        return prompt_within(tokenizer, schema, question, so_far, values, config.room(model))

    def check(index: int, operators: Sequence[str]) -> str | None:
        error = error_in(operators, schemas[questions[index].database])
        if error is None:
            follow(index, operators)
        return error

    def take(index: int, decoded: Decoded) -> None:
        report(index, decoded, 1.0)

    if config.constrained:
        _constrained(model, tokenizer, questions, schemas, config, prompt, report, follow, batch)
    elif config.layout == "steps":
        from pipesql.decoding.stepwise import decode_stepwise

        decode_stepwise(
            model, tokenizer, len(questions), prompt, check, limits=config.limits, batch=batch, on_answer=take
        )
    else:
        prompts = [prompt(index) for index in range(len(questions))]
        decode(model, tokenizer, prompts, check, limits=config.limits, batch=batch, on_answer=take)


def prompt_within(
    tokenizer: Any, schema: Schema, question: Question, so_far: Sequence[str], values: Sequence[Value], room: int
) -> list[int]:
    """The tokens of a prompt; where the whole schema needs more than `room` of them, with only the most likely tables.

    `so_far` are the operators of an unfinished query, `values` the values that the prompt shows.
    """

    def prompt(shown: Schema) -> list[int]:
        return prompt_ids(tokenizer, messages(shown, question.question, question.evidence, so_far, values))

    ids = prompt(schema)
    if len(ids) <= room:
        return ids
    text = f"{question.question} {question.evidence}"
    return prompt(prune_schema(schema, text, lambda shown: len(prompt(shown)), room, values))


def _values(question: Question, config: DecodingConfig) -> list[Value]:
    """The values of the database that the prompt shows."""
    if not config.values:
        return []
    from pipesql.assistant_tools.grounding import matching_values

    return matching_values(Database(question.database), question.question, config.values)


def answer_as_agent(agent: Agent, questions: Sequence[Question], config: DecodingConfig, report: Report) -> None:
    """Let an agent answer, one question after the other. Raises BadInput for a database that cannot be read."""
    from pipesql.assistant_tools.toolbox import Toolbox

    with ExitStack() as stack:
        boxes: dict[str, Toolbox] = {}
        for index, question in enumerate(questions):
            if question.database not in boxes:
                boxes[question.database] = stack.enter_context(Toolbox(Database(question.database)))
            values = _values(question, config)
            report(index, agent.answer(question, boxes[question.database], values), 1.0)


def _constrained(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question],
    schemas: dict[str, Schema],
    config: DecodingConfig,
    prompt: Callable[[int], list[int]],
    report: Report,
    follow: OnOperators,
    batch: int,
) -> None:
    """Answer under the constraint; of several answers to a question, drawn or found, the one that wins the vote."""
    from pipesql.inference.constrained import ConstrainedDecoding
    from pipesql.inference.vote import vote

    each = config.answers_per_question
    drawn: dict[int, dict[int, Decoded]] = defaultdict(dict)
    prompts = [prompt for prompt in map(prompt, range(len(questions))) for _ in range(each)]
    with ConstrainedDecoding(model, tokenizer, questions, schemas, config, follow) as constrained:

        def collect(index: int, decoded: Decoded) -> None:
            number = index // each
            drawn[number][index] = decoded
            if len(drawn[number]) < each:
                return
            answers = [decoded for _, decoded in sorted(drawn.pop(number).items())]
            question, best, share = questions[number], answers[0], 1.0
            if config.mode != "greedy":
                best, share = vote(
                    [*answers, *answers[0].others],
                    lambda operators: constrained.rows(question, operators),
                    lambda operators: constrained.cost(question, operators),
                )
            missing = constrained.missing_mentions(question, best.operators)
            report(number, replace(best, missing_mentions=missing), share)

        decode(
            model,
            tokenizer,
            prompts,
            lambda index, operators: None,
            limits=config.limits,
            batch=batch,
            constraint=constrained.constraint(),
            beams=config.beam_width,
            on_answer=collect,
        )
