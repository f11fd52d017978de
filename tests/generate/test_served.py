"""Whole texts read operator by operator, and asked again from where one does not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

pytest.importorskip("torch")

from pipesql.decoding.answers import Limits
from pipesql.inference.chat_model import Turn
from pipesql.inference.remote import answer_served


class Says:
    """Says the texts in turn, and keeps the operators so far that it was told."""

    def __init__(self, *texts: str | Turn) -> None:
        self.texts, self.told = list(texts), list[tuple[str, ...]]()

    def say(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> Turn:
        self.told.append(messages[0]["so_far"])
        text = self.texts.pop(0)
        return text if isinstance(text, Turn) else Turn(text, 3)


def check(index: int, operators: Sequence[str]) -> str | None:
    return f"wrong: {operators[-1]}" if "wrong" in operators[-1] else None


def answer(speaker: Says, **more: Any) -> Any:
    return answer_served(speaker, lambda so_far: [{"so_far": tuple(so_far)}], check, **more)


def test_a_text_that_holds_is_the_answer() -> None:
    found = answer(Says("FROM a\n|> WHERE b\n"))
    assert (found.operators, found.stop, found.tokens, found.switches) == (("FROM a", "|> WHERE b"), "done", 3, 0)


def test_it_is_asked_again_from_the_operator_that_does_not_hold() -> None:
    speaker = Says("FROM a\n|> wrong\n|> LIMIT 1", "|> WHERE b\n|> LIMIT 1")
    found = answer(speaker)
    assert found.operators == ("FROM a", "|> WHERE b", "|> LIMIT 1") and found.switches == 1
    assert speaker.told == [(), ("FROM a",)]


def test_a_whole_query_takes_the_place_of_the_one_so_far() -> None:
    assert answer(Says("FROM a\n|> wrong", "FROM c\n|> LIMIT 1")).operators == ("FROM c", "|> LIMIT 1")


def test_one_operator_a_turn() -> None:
    speaker = Says("FROM a", "|> WHERE b", "")
    found = answer(speaker, one_by_one=True)
    assert found.operators == ("FROM a", "|> WHERE b") and found.stop == "done" and found.switches == 0
    assert speaker.told == [(), ("FROM a",), ("FROM a", "|> WHERE b")]


def test_what_is_given_up() -> None:
    limits = Limits(switches=1)
    found = answer(Says("FROM a\n|> wrong", "|> wrong"), limits=limits)
    assert found.operators == ("FROM a",) and found.stop == "done" and "operator 2 was given up" in found.detail
    found = answer(Says("wrong", "wrong"), limits=limits)
    assert (found.stop, found.detail) == ("invalid", "wrong: wrong")
    found = answer(Says("", Turn("", 9, ended=False)), limits=limits)
    assert found.stop == "invalid" and "does not end" in found.detail


def test_the_longest_query() -> None:
    assert len(answer(Says("FROM a\n|> b\n|> c\n|> d"), limits=Limits(operators=2)).operators) == 2
