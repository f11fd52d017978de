"""Beams: what is returned beside the best answer, and what is saved where the model is sure."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.support.overfit import overfit

torch = pytest.importorskip("torch")
pytest.importorskip("llguidance")

from pipesql.chat.template import markers, operator_ids, prompt_ids  # noqa: E402
from pipesql.decoding.beam import FLOOR, MARGIN, BeamSearch, Hypothesis  # noqa: E402
from pipesql.decoding.decode import decode  # noqa: E402
from pipesql.decoding.grammar.mask import GrammarCompiler  # noqa: E402
from pipesql.decoding.types import Constraint, Decoded, DecodeLimits, Objection  # noqa: E402
from pipesql.models import resolve_model  # noqa: E402
from pipesql.models.load import load_model, load_tokenizer  # noqa: E402
from pipesql.pipe.schema import Column, Schema, Table  # noqa: E402

SCHEMA = Schema((Table("singer", (Column("name", "TEXT"), Column("age", "INTEGER"))),))
SURE = ("FROM singer", "|> SELECT name")
EITHER = (("FROM singer", "|> WHERE age > 30"), ("FROM singer", "|> SELECT age"))


@pytest.fixture(scope="module")
def answers() -> tuple[list[Decoded], list[Decoded]]:
    """Greedy and with three beams: of a question with one answer, and of one that was taught two."""
    source = resolve_model("tiny")
    torch.manual_seed(0)
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    marks = markers(tokenizer)

    def target(operators: tuple[str, ...]) -> list[int]:
        first, last = operators
        opening = [*operator_ids(tokenizer, first, first=True), marks.step]
        return [*opening, *operator_ids(tokenizer, last, first=False), marks.end]

    prompts = [prompt_ids(tokenizer, [{"role": "user", "content": text}]) for text in ("Names?", "Old ones?")]
    lessons = [(prompts[0], target(SURE)), *((prompts[1], target(one)) for one in EITHER)]
    overfit(model, lessons, below=0.2)
    compiler = GrammarCompiler(tokenizer, model.get_output_embeddings().weight.shape[0])
    constraint = Constraint(lambda index, before: compiler.operator(SCHEMA, before), lambda *_: None)

    def decoded(beams: int) -> list[Decoded]:
        how: dict[str, Any] = {
            "constraint": constraint,
            "beams": beams,
            "limits": DecodeLimits(operator_tokens=40, operators=4),
        }
        return decode(model, tokenizer, prompts, lambda index, operators: None, batch=6, **how)

    return decoded(1), decoded(3)


def test_other_likely_answers_are_returned(answers: tuple[list[Decoded], list[Decoded]]) -> None:
    either = answers[1][1]
    assert {*EITHER} <= {either.operators, *(other.operators for other in either.others)}
    logprobs = [either.logprob, *(other.logprob for other in either.others)]
    assert logprobs == sorted(logprobs, reverse=True) and logprobs[-1] >= logprobs[0] - MARGIN


def test_a_sure_question_costs_what_greedy_decoding_costs(answers: tuple[list[Decoded], list[Decoded]]) -> None:
    greedy, wide = (decoded[0] for decoded in answers)
    assert wide.operators == greedy.operators == SURE
    assert wide.tokens <= greedy.tokens + 3
    assert answers[1][1].tokens > answers[0][1].tokens


def test_a_question_without_an_end_is_given_up_at_the_floor() -> None:
    """An untrained model that no check lets end would go on to the last limit."""
    source = resolve_model("tiny")
    torch.manual_seed(0)
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    compiler = GrammarCompiler(tokenizer, model.get_output_embeddings().weight.shape[0])

    def check(index: int, operators: Sequence[str], whole: bool) -> Objection | None:
        return Objection("not yet") if whole else None

    constraint = Constraint(lambda index, before: compiler.operator(SCHEMA, before), check)
    prompt = prompt_ids(tokenizer, [{"role": "user", "content": "Names?"}])
    (answer,) = decode(model, tokenizer, [prompt], lambda index, operators: None, constraint=constraint, beams=2)
    assert "was given up: all that can follow is less likely than -25 nats" in answer.detail
    assert answer.logprob >= FLOOR and answer.tokens < DecodeLimits().operator_tokens


def test_what_stood_before_is_an_operator_at_least() -> None:
    """A likely hypothesis given up within its first operator leaves no query; a less likely longer one does."""
    tokenizer = load_tokenizer(resolve_model("tiny"))
    width, marks = len(tokenizer), markers(tokenizer)
    constraint = Constraint(lambda *_: Anything(width), lambda *_: Objection("no"))
    answers: dict[int, Decoded] = {}
    search = BeamSearch(tokenizer, constraint, DecodeLimits(), answers.__setitem__, 2, lambda index: None)
    first = search.row(0)
    first.beam.margin = first.beam.ending = float("inf")
    later = Hypothesis(first.beam, first.mask, ("FROM singer",), (), FLOOR / 2)
    logits = torch.full((2, width), -200.0)
    logits[:, marks.step] = 10.0
    batch = SimpleNamespace(logits=logits, tokens=torch.zeros(2, dtype=torch.long), keep=lambda parents: [])
    assert search.take([first, later], batch) == []  # type: ignore[arg-type]
    assert (answers[0].operators, answers[0].stop, answers[0].logprob) == (("FROM singer",), "done", FLOOR / 2)


@pytest.mark.parametrize("ending", [MARGIN, float("inf")])
def test_no_query_is_cut_off_at_a_price_but_in_the_end(ending: float) -> None:
    """Else a query that could end anywhere at a price ends early, for the sum of a long answer is dearer than that."""
    tokenizer = load_tokenizer(resolve_model("tiny"))
    width, marks = len(tokenizer), markers(tokenizer)
    constraint = Constraint(lambda *_: Anything(width), lambda *_: None)
    answers: dict[int, Decoded] = {}
    search = BeamSearch(tokenizer, constraint, DecodeLimits(), answers.__setitem__, 4, lambda index: None)
    row = search.row(0)
    row.beam.margin, row.beam.ending, row.operators = float("inf"), ending, ("FROM singer",)
    one, other = (
        tokenizer.encode("|>", add_special_tokens=False)[0],
        tokenizer.encode(" x", add_special_tokens=False)[0],
    )
    logits = torch.full((1, width), -30.0)
    logits[0, one], logits[0, other], logits[0, marks.end] = 10.0, 10.0 - MARGIN / 2, 10.0 - 2 * MARGIN
    batch = SimpleNamespace(logits=logits, tokens=torch.zeros(4, dtype=torch.long), keep=lambda parents: [0, 1])
    kept = search.take([row], batch)  # type: ignore[arg-type]
    assert {hypothesis.newest for hypothesis in kept} == {one, other}
    assert bool(row.beam.ended) == (ending > MARGIN)


class Anything:
    """A mask that allows all tokens."""

    def __init__(self, width: int) -> None:
        self._width = width

    def allowed(self) -> np.ndarray:
        return np.ones(self._width, dtype=bool)

    def take(self, token: int) -> None:
        return None

    def copy(self) -> Anything:
        return self
