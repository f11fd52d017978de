"""An agent: a model that may look at the database with the five tools before it answers.

It speaks, its calls are answered, until it answers with a query. A query that does not parse, resolve or run is given
back to it with the reason, as long as there are turns and time. Everything that happens is a span of a trace, for
whoever records it (`tracking.evaluations`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from pipesql.assistant_tools import SPECS, Toolbox
from pipesql.chat.prompts import Value, schema_text, tool_messages
from pipesql.chat.tool_calls import answered, call, calling, read_turn
from pipesql.decoding.answers import Decoded
from pipesql.errors import BadInput
from pipesql.inference.chat_model import Speaker, Turn
from pipesql.inference.config import Asked
from pipesql.pipe.query import text_of

Note = Callable[[Mapping[str, Any]], None]
"""Writes down what came of a span."""
Span = Callable[[str, str, Mapping[str, Any]], AbstractContextManager[Note]]
"""(name, kind: AGENT, LLM or TOOL, what goes in) → a span to stay in while it happens."""


def no_span(name: str, kind: str, inputs: Mapping[str, Any]) -> AbstractContextManager[Note]:
    """The span of who records nothing."""
    return nullcontext(lambda outputs: None)


UNANSWERED = "no answer that holds was given: this is the last query that ran"


@dataclass(frozen=True)
class AgentLimits:
    """How far the agent may go with one question: turns, and seconds until no further turn begins."""

    turns: int = 8
    seconds: float = 60.0


@dataclass
class Talk:
    """A conversation so far, and what came of it."""

    messages: list[dict[str, Any]]
    calls: int = 0
    tokens: int = 0
    asked: list[tuple[str, Any]] = field(default_factory=list)
    """What was asked of tools in the latest turn that did."""
    ran: tuple[str, ...] = ()
    """The latest query that ran by a tool."""
    last: Decoded = field(default_factory=lambda: Decoded((), "length", "no query was answered with"))
    """The latest answer, which does not hold."""


class Agent:
    """Answers questions with a speaker and the toolbox of each question's database."""

    def __init__(self, speaker: Speaker, limits: AgentLimits | None = None, span: Span = no_span) -> None:
        self._speaker, self._limits, self._span = speaker, limits or AgentLimits(), span

    def ask(self, asked: Asked, box: Toolbox, values: Sequence[Value] = (), planted: str = "") -> Decoded:
        """One answer. With a `planted` query the agent is made to have run that first, whatever comes of it.

        Where it only asks or answers the same again, or turns or time are over, the latest query that ran by a tool is
        the answer; `detail` says so. `stop` is `done`, `invalid` (the last answer does not hold) or `length` (there is
        none).
        """
        opened = tool_messages(schema_text(box.schema), asked.question, asked.evidence, values)
        with self._span("ask", "AGENT", {"question": asked.question, "database": asked.database}) as note:
            answer = self._talk(Talk(list(opened)), box, planted)
            note({"pipe_sql": text_of(answer.operators), "stop": answer.stop, "detail": answer.detail})
        return answer

    def _talk(self, talk: Talk, box: Toolbox, planted: str) -> Decoded:
        began = time.monotonic()
        if planted:
            self._use(talk, {**calling([call(1, "execute_pipe_sql", query=planted)]), "weight": 0}, box)
        for number in range(1, self._limits.turns + 1):
            if time.monotonic() - began > self._limits.seconds:
                break
            turn = self._say(talk.messages, number)
            talk.tokens += turn.tokens
            message, error = _message(turn, talk.calls)
            if message.get("tool_calls"):
                if _asked(message) == talk.asked:
                    break  # what it was told the first time did not move it, and it would be told the same again
                talk.asked = _asked(message)
                self._use(talk, message, box)
                continue
            operators = _operators(turn.text)
            error = error or ("" if operators else "the answer is empty")
            if not error:
                with self._span("check the answer", "TOOL", {"query": turn.text}) as note:
                    found = json.loads(box.call("execute_pipe_sql", {"query": turn.text}))
                    note(found)
                error = found.get("error", "")
            if not error:
                return Decoded(operators, "done", "", talk.tokens)
            before, talk.last = talk.last, Decoded(operators, "invalid", error)
            if operators and talk.last == before:
                break  # as with calls: nothing that it could be told is new
            # Told as a call that failed, so that the next turn mends it as it mends a query that it only tried.
            made = call(talk.calls + 1, "execute_pipe_sql", query=turn.text)
            talk.calls += 1
            talk.messages += [calling([made]), answered(made, json.dumps({"error": error}, ensure_ascii=False))]
        if talk.ran:
            return Decoded(talk.ran, "done", UNANSWERED, talk.tokens)
        return Decoded(talk.last.operators, talk.last.stop, talk.last.detail, talk.tokens)

    def _say(self, messages: Sequence[Mapping[str, Any]], number: int) -> Turn:
        with self._span(f"turn {number}", "LLM", {"messages": list(messages)}) as note:
            turn = self._speaker.say(messages, SPECS)
            note({"text": turn.text, "tool_calls": list(turn.calls), "tokens": turn.tokens})
        return turn

    def _use(self, talk: Talk, message: dict[str, Any], box: Toolbox) -> None:
        """Append a message that calls tools, and what they answer."""
        talk.messages.append(message)
        for made in message["tool_calls"]:
            name, arguments = made["function"]["name"], made["function"]["arguments"]
            with self._span(name, "TOOL", arguments) as note:
                result = box.call(name, arguments)
                found = json.loads(result)
                note(found)
            if name == "execute_pipe_sql" and "error" not in found:
                talk.ran = _operators(arguments["query"])
            talk.messages.append(answered(made, result))
        talk.calls += len(message["tool_calls"])


def _operators(text: str) -> tuple[str, ...]:
    """The lines of a query."""
    return tuple(line.rstrip() for line in text.split("\n") if line.strip())


def _asked(message: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What a message asks of tools."""
    return [(made["function"]["name"], made["function"]["arguments"]) for made in message["tool_calls"]]


def _message(turn: Turn, calls: int) -> tuple[dict[str, Any], str]:
    """The turn as a message, and what is wrong with it."""
    if turn.calls:
        return calling(turn.calls, turn.text), ""
    said = {"role": "assistant", "content": turn.text}
    if not turn.ended:
        return said, "the answer does not end"
    try:
        return read_turn(turn.text, calls + 1), ""
    except BadInput as error:
        return said, str(error)
