"""Questions on databases put to a model: the prompt it was trained on, decoded operator by operator."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from pipesql.assistant_tools import Toolbox
from pipesql.assistant_tools.grounding import matching_values
from pipesql.assistant_tools.schema_pruning import select_tables
from pipesql.chat.prompts import Value, messages
from pipesql.chat.template import prompt_ids
from pipesql.decoding.answers import Decoded
from pipesql.decoding.decode import decode
from pipesql.decoding.stepwise import decode_stepwise
from pipesql.execution.database import Database
from pipesql.inference.agent import Agent, Span, no_span
from pipesql.inference.chat_model import LocalSpeaker
from pipesql.inference.config import Asked, Asking
from pipesql.inference.constrained import vote
from pipesql.inference.operator_check import check_operators
from pipesql.pipe.schema import Schema

Report = Callable[[int, Decoded, float], None]
"""(index of the question, its answer, the share of the vote that it won; 1 without a vote)."""
OnOperators = Callable[[int, Sequence[str]], None]
"""(index of the question, its operators so far): called as operators are finished or taken back."""


def answer(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Asked],
    asking: Asking,
    report: Report,
    *,
    batch: int = 16,
    on_operators: OnOperators | None = None,
    span: Span = no_span,
) -> None:
    """Answer every question and report each as it comes; `batch` answers are decoded together.

    `on_operators` follows the answers as they are written; of several to a question the first. `span` records what an
    agent does. Raises BadInput for a database that cannot be read, or a tokenizer that the constraint cannot read.
    """
    if asking.mode == "agent":
        agent = Agent(LocalSpeaker(model, tokenizer), span=span)
        answer_as_agent(agent, questions, asking, report)
        return
    schemas = {path: Database(path).schema for path in dict.fromkeys(q.database for q in questions)}
    follow = on_operators or (lambda index, operators: None)

    def prompt(index: int, so_far: Sequence[str] = ()) -> list[int]:
        asked = questions[index]
        found = matching_values(Database(asked.database), asked.question, asking.values)
        schema = schemas[asked.database] if asking.keys else schemas[asked.database].without_keys()
        return prompt_within(tokenizer, schema, asked, so_far, found, asking.room(model))

    def check(index: int, operators: Sequence[str]) -> str | None:
        error = check_operators(schemas[questions[index].database], operators)
        if error is None:
            follow(index, operators)
        return error

    def take(index: int, decoded: Decoded) -> None:
        report(index, decoded, 1.0)

    how: dict[str, Any] = {"limits": asking.limits, "batch": batch}
    if asking.constrained:
        _guided(model, tokenizer, questions, schemas, asking, prompt, report, follow, how)
    elif asking.layout == "steps":
        decode_stepwise(model, tokenizer, len(questions), prompt, check, on_answer=take, **how)
    else:
        prompts = [prompt(index) for index in range(len(questions))]
        decode(model, tokenizer, prompts, check, on_answer=take, **how)


def prompt_within(
    tokenizer: Any, schema: Schema, asked: Asked, so_far: Sequence[str], values: Sequence[Value], room: int
) -> list[int]:
    """The tokens of a prompt; where the whole schema makes them more than `room`, with the likeliest tables alone."""

    def prompt(shown: Schema) -> list[int]:
        return prompt_ids(tokenizer, messages(shown, asked.question, asked.evidence, so_far, values))

    ids = prompt(schema)
    if len(ids) <= room:
        return ids
    wanted = f"{asked.question} {asked.evidence}"
    return prompt(select_tables(schema, wanted, lambda shown: len(prompt(shown)), room, values))


def answer_as_agent(agent: Agent, questions: Sequence[Asked], asking: Asking, report: Report) -> None:
    """Let an agent answer, one question after the other. Raises BadInput for a database that cannot be read."""
    with ExitStack() as stack:
        boxes: dict[str, Toolbox] = {}
        for index, asked in enumerate(questions):
            if asked.database not in boxes:
                boxes[asked.database] = stack.enter_context(Toolbox(Database(asked.database)))
            found = matching_values(Database(asked.database), asked.question, asking.values)
            report(index, agent.ask(asked, boxes[asked.database], found), 1.0)


def _guided(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Asked],
    schemas: dict[str, Schema],
    asking: Asking,
    prompt: Callable[[int], list[int]],
    report: Report,
    follow: OnOperators,
    how: dict[str, Any],
) -> None:
    """Under the constraint; of several answers to a question, drawn or found, the one that wins the vote."""
    from pipesql.inference.constrained import Guidance

    drawn: dict[int, dict[int, Decoded]] = defaultdict(dict)
    prompts = [prompt for prompt in map(prompt, range(len(questions))) for _ in range(asking.count)]
    with Guidance(model, tokenizer, questions, schemas, asking, follow) as guidance:

        def collect(index: int, decoded: Decoded) -> None:
            number = index // asking.count
            drawn[number][index] = decoded
            if len(drawn[number]) < asking.count:
                return
            answers = [decoded for _, decoded in sorted(drawn.pop(number).items())]
            question, best, share = questions[number], answers[0], 1.0
            if asking.mode != "greedy":
                best, share = vote(
                    [*answers, *answers[0].others],
                    lambda operators: guidance.rows(question, operators),
                    lambda operators: guidance.cost(question, operators),
                )
            report(number, replace(best, unsaid=guidance.unsaid(question, best.operators)), share)

        how |= {"guide": guidance.guide(), "beams": asking.width, "on_answer": collect}
        decode(model, tokenizer, prompts, lambda index, operators: None, **how)
