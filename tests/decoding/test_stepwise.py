"""An operator a prompt: the same answers as one question at a time, and answers that come as they are made."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

torch = pytest.importorskip("torch")

from pipesql.decoding import stepwise  # noqa: E402
from pipesql.decoding.stepwise import decode_stepwise  # noqa: E402
from pipesql.decoding.types import Decoded, DecodeLimits  # noqa: E402
from pipesql.errors import BadInput  # noqa: E402

COUNT, BATCH = 9, 2


def written(operator: int) -> str:
    return f"|> LIMIT {operator}"


class Scripted:
    """Stands for `decode`: question i (its prompt's first token) ends behind i % 4 + 1 operators; keeps the order."""

    def __init__(self, tokens: int = 5) -> None:
        self.asked: list[tuple[str, int]] = []
        self.tokens = tokens

    def __call__(self, model, tokenizer, prompts, check, *, limits, batch) -> list[Decoded]:
        made = []
        for row, (index, operators) in enumerate(prompts):
            self.asked.append(("prompt", index))
            last = operators == index % 4
            new = written(operators)
            error = check(row, (new,))
            stop = "invalid" if error else "done" if last else "length"
            made.append(Decoded((new,), stop, error or "", self.tokens))
        return made


def accept(index: int, operators: Sequence[str]) -> str | None:
    return None


def ask(
    monkeypatch, check=accept, limits: DecodeLimits | None = None, tokens: int = 5
) -> tuple[list[Decoded], list[tuple[str, int]]]:
    """All answers, and in which order prompts were read and answers reported."""
    script = Scripted(tokens)
    monkeypatch.setattr(stepwise, "decode", script)
    answers = decode_stepwise(
        None,
        None,
        COUNT,
        lambda index, operators: (index, len(operators)),
        check,
        limits=limits or DecodeLimits(),
        batch=BATCH,
        on_answer=lambda index, answer: script.asked.append(("answer", index)),
    )
    return answers, script.asked


def test_each_question_gets_its_own_operators_and_tokens(monkeypatch) -> None:
    answers, _ = ask(monkeypatch)
    assert [a.stop for a in answers] == ["done"] * COUNT
    assert [a.operators for a in answers] == [tuple(map(written, range(i % 4 + 1))) for i in range(COUNT)]
    assert [a.tokens for a in answers] == [5 * (i % 4 + 1) for i in range(COUNT)]


def test_a_group_gives_its_answers_before_the_next_is_read(monkeypatch) -> None:
    _, order = ask(monkeypatch)
    size = stepwise.BATCHES_PER_GROUP * BATCH
    assert size < COUNT
    for index in range(COUNT):
        answered = order.index(("answer", index))
        later = [order.index(("prompt", i)) for i in range((index // size + 1) * size, COUNT)]
        assert all(answered < place for place in later)
    assert sorted(i for what, i in order if what == "answer") == list(range(COUNT))


def test_the_check_sees_the_whole_query_of_its_question(monkeypatch) -> None:
    def refuse(index: int, operators: Sequence[str]) -> str | None:
        assert list(operators) == [written(i) for i in range(len(operators))]
        return "no" if index == 6 and len(operators) == 2 else None

    answers, order = ask(monkeypatch, refuse)
    assert (answers[6].stop, answers[6].detail, len(answers[6].operators)) == ("invalid", "no", 2)
    assert [a.stop for i, a in enumerate(answers) if i != 6] == ["done"] * (COUNT - 1)
    assert order.count(("prompt", 6)) == 2


def test_a_query_that_does_not_end_is_given_up_with_a_sentence(monkeypatch) -> None:
    answers, _ = ask(monkeypatch, limits=DecodeLimits(operators=2))
    assert (answers[3].stop, len(answers[3].operators)) == ("length", 2)
    assert answers[3].detail == "the query does not end after 2 operators"
    assert answers[1].stop == "done"


def test_an_operator_may_take_every_token_that_it_has(monkeypatch) -> None:
    answers, _ = ask(monkeypatch, limits=DecodeLimits(operator_tokens=5), tokens=5)
    assert [a.stop for a in answers] == ["done"] * COUNT


def test_an_operator_that_does_not_end_ends_its_answer(monkeypatch) -> None:
    def unending(model, tokenizer, prompts, check, *, limits, batch) -> list[Decoded]:
        return [Decoded(("|> WHERE a OR",), "length", "an operator does not end within 5 tokens", 5) for _ in prompts]

    monkeypatch.setattr(stepwise, "decode", unending)
    (answer,) = decode_stepwise(
        None, None, 1, lambda index, operators: [1], accept, limits=DecodeLimits(operator_tokens=5)
    )
    assert (answer.operators, answer.stop) == (("|> WHERE a OR",), "length")
    assert answer.detail == "an operator does not end within 5 tokens"


def test_a_batch_below_one_is_refused() -> None:
    with pytest.raises(BadInput, match="batch is 0"):
        decode_stepwise(None, None, 1, lambda index, operators: [1], accept, batch=0)
