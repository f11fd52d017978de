"""An agent: a model that may look at the database with the five tools before it answers.

Its calls of tools are executed until it answers with a query. A query that does not parse, resolve or run is returned
to it with the reason, as long as there are turns and time left. Everything that happens is a span of a trace, for a
caller that records it (`tracking.evaluations`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from pipesql.assistant_tools.specs import SPECS
from pipesql.assistant_tools.toolbox import Toolbox
from pipesql.chat.prompts import Value, schema_text, tool_messages
from pipesql.chat.tool_calls import answered, call, calling, read_message
from pipesql.decoding.types import Decoded
from pipesql.errors import BadInput
from pipesql.inference.chat_model import AssistantMessage, ChatModel
from pipesql.inference.config import Question
from pipesql.pipe.query import text_of

SetOutputs = Callable[[Mapping[str, Any]], None]
"""Records the outputs of a span."""
Span = Callable[[str, str, Mapping[str, Any]], AbstractContextManager[SetOutputs]]
"""(name, kind: AGENT, LLM or TOOL, inputs) → a span to stay in while it happens."""


def no_span(name: str, kind: str, inputs: Mapping[str, Any]) -> AbstractContextManager[SetOutputs]:
    """A span that records nothing."""
    return nullcontext(lambda outputs: None)


UNANSWERED = "the agent gave no valid answer; this is the last query that ran"


@dataclass(frozen=True)
class AgentLimits:
    """How long the agent may work on one question: turns, and seconds after which no further turn begins."""

    turns: int = 8
    seconds: float = 60.0


@dataclass
class _Dialogue:
    """A conversation so far, and what it has led to."""

    messages: list[dict[str, Any]]
    calls: int = 0
    tokens: int = 0
    latest_calls: list[tuple[str, Any]] = field(default_factory=list)
    """(tool, arguments) of the latest message that called tools."""
    ran: tuple[str, ...] = ()
    """The latest query that a tool ran without an error."""
    invalid: Decoded = field(default_factory=lambda: Decoded((), "length", "no query was answered with"))
    """The latest answer, which is not valid."""


class Agent:
    """Answers questions with a chat model and the toolbox of each question's database."""

    def __init__(self, model: ChatModel, limits: AgentLimits | None = None, span: Span | None = None) -> None:
        self._model, self._limits, self._span = model, limits or AgentLimits(), span or no_span

    def answer(self, question: Question, box: Toolbox, values: Sequence[Value] = (), first_query: str = "") -> Decoded:
        """Answer one question. With a `first_query` the conversation begins as if the agent had run that.

        Where the agent only repeats its calls or its answer, or turns or time run out, the answer is the latest query
        that a tool ran; `detail` says so. `stop` is `done`, `invalid` (the last answer is not valid) or `length` (there
        is none).
        """
        opening = tool_messages(schema_text(box.schema), question.question, question.evidence, values)
        with self._span("ask", "AGENT", {"question": question.question, "database": question.database}) as outputs:
            answer = self._converse(_Dialogue(list(opening)), box, first_query)
            outputs({"pipe_sql": text_of(answer.operators), "stop": answer.stop, "detail": answer.detail})
        return answer

    def _converse(self, dialogue: _Dialogue, box: Toolbox, first_query: str) -> Decoded:
        began = time.monotonic()
        if first_query:
            made = call(1, "execute_pipe_sql", query=first_query)
            self._use(dialogue, {**calling([made]), "weight": 0}, box)
        for number in range(1, self._limits.turns + 1):
            if time.monotonic() - began > self._limits.seconds:
                break
            completed = self._complete(dialogue.messages, number)
            dialogue.tokens += completed.tokens
            message, error = _message(completed, dialogue.calls)
            if message.get("tool_calls"):
                if _calls_of(message) == dialogue.latest_calls:
                    break  # the results did not move it the first time, and they would be the same again
                dialogue.latest_calls = _calls_of(message)
                self._use(dialogue, message, box)
                continue
            operators = _operators(completed.text)
            error = error or ("" if operators else "the answer is empty")
            if not error:
                with self._span("check the answer", "TOOL", {"query": completed.text}) as outputs:
                    found = json.loads(box.call("execute_pipe_sql", {"query": completed.text}))
                    outputs(found)
                error = found.get("error", "")
            if not error:
                return Decoded(operators, "done", "", dialogue.tokens)
            before, dialogue.invalid = dialogue.invalid, Decoded(operators, "invalid", error)
            if operators and dialogue.invalid == before:
                break  # as with calls: another turn would not show it anything new
            # Shown as a call that failed, so that the next turn mends it as it mends a query that it only tried.
            made = call(dialogue.calls + 1, "execute_pipe_sql", query=completed.text)
            dialogue.calls += 1
            dialogue.messages += [calling([made]), answered(made, json.dumps({"error": error}, ensure_ascii=False))]
        if dialogue.ran:
            return Decoded(dialogue.ran, "done", UNANSWERED, dialogue.tokens)
        invalid = dialogue.invalid
        return Decoded(invalid.operators, invalid.stop, invalid.detail, dialogue.tokens)

    def _complete(self, messages: Sequence[Mapping[str, Any]], number: int) -> AssistantMessage:
        with self._span(f"turn {number}", "LLM", {"messages": list(messages)}) as outputs:
            message = self._model.complete(messages, SPECS)
            outputs({"text": message.text, "tool_calls": list(message.calls), "tokens": message.tokens})
        return message

    def _use(self, dialogue: _Dialogue, message: dict[str, Any], box: Toolbox) -> None:
        """Append a message that calls tools, and their results."""
        dialogue.messages.append(message)
        for made in message["tool_calls"]:
            name, arguments = made["function"]["name"], made["function"]["arguments"]
            with self._span(name, "TOOL", arguments) as outputs:
                result = box.call(name, arguments)
                found = json.loads(result)
                outputs(found)
            if name == "execute_pipe_sql" and "error" not in found:
                dialogue.ran = _operators(arguments["query"])
            dialogue.messages.append(answered(made, result))
        dialogue.calls += len(message["tool_calls"])


def _operators(text: str) -> tuple[str, ...]:
    """The lines of a query."""
    return tuple(line.rstrip() for line in text.split("\n") if line.strip())


def _calls_of(message: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """(tool, arguments) of each call in a message."""
    return [(made["function"]["name"], made["function"]["arguments"]) for made in message["tool_calls"]]


def _message(completed: AssistantMessage, calls: int) -> tuple[dict[str, Any], str]:
    """The message as the conversation holds it, and what is wrong with it."""
    if completed.calls:
        return calling(completed.calls, completed.text), ""
    message = {"role": "assistant", "content": completed.text}
    if not completed.ended:
        return message, "the answer does not end"
    try:
        return read_message(completed.text, calls + 1), ""
    except BadInput as error:
        return message, str(error)
