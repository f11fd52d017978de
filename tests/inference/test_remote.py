"""Whole texts read operator by operator, and asked again from where one does not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

pytest.importorskip("torch")

from pipesql.decoding.types import DecodeLimits
from pipesql.inference.chat_model import AssistantMessage
from pipesql.inference.remote import answer_remotely


class Scripted:
    """Returns the texts one after the other, and keeps the operators so far that it was given."""

    def __init__(self, *texts: str | AssistantMessage) -> None:
        self.texts, self.told = list(texts), list[tuple[str, ...]]()

    def complete(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> AssistantMessage:
        self.told.append(messages[0]["so_far"])
        text = self.texts.pop(0)
        return text if isinstance(text, AssistantMessage) else AssistantMessage(text, 3)


def check(index: int, operators: Sequence[str]) -> str | None:
    return f"wrong: {operators[-1]}" if "wrong" in operators[-1] else None


def answer(model: Scripted, **more: Any) -> Any:
    return answer_remotely(model, lambda so_far: [{"so_far": tuple(so_far)}], check, **more)


def test_a_text_that_holds_is_the_answer() -> None:
    found = answer(Scripted("FROM a\n|> WHERE b\n"))
    assert (found.operators, found.stop, found.tokens, found.backtracks) == (("FROM a", "|> WHERE b"), "done", 3, 0)


def test_it_is_asked_again_from_the_operator_that_does_not_hold() -> None:
    model = Scripted("FROM a\n|> wrong\n|> LIMIT 1", "|> WHERE b\n|> LIMIT 1")
    found = answer(model)
    assert found.operators == ("FROM a", "|> WHERE b", "|> LIMIT 1") and found.backtracks == 1
    assert model.told == [(), ("FROM a",)]


def test_a_whole_query_takes_the_place_of_the_one_so_far() -> None:
    assert answer(Scripted("FROM a\n|> wrong", "FROM c\n|> LIMIT 1")).operators == ("FROM c", "|> LIMIT 1")


def test_one_operator_per_message() -> None:
    model = Scripted("FROM a", "|> WHERE b", "")
    found = answer(model, one_by_one=True)
    assert found.operators == ("FROM a", "|> WHERE b") and found.stop == "done" and found.backtracks == 0
    assert model.told == [(), ("FROM a",), ("FROM a", "|> WHERE b")]


def test_what_is_given_up() -> None:
    limits = DecodeLimits(backtracks=1)
    found = answer(Scripted("FROM a\n|> wrong", "|> wrong"), limits=limits)
    assert found.operators == ("FROM a",) and found.stop == "done" and "operator 2 was given up" in found.detail
    found = answer(Scripted("wrong", "wrong"), limits=limits)
    assert (found.stop, found.detail) == ("invalid", "wrong: wrong")
    found = answer(Scripted("", AssistantMessage("", 9, ended=False)), limits=limits)
    assert found.stop == "invalid" and "does not end" in found.detail


def test_the_longest_query() -> None:
    assert len(answer(Scripted("FROM a\n|> b\n|> c\n|> d"), limits=DecodeLimits(operators=2)).operators) == 2
