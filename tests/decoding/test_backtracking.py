"""Decoding under a constraint, with models that have memorised what they should not write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.overfit import overfit

torch = pytest.importorskip("torch")
pytest.importorskip("llguidance")

from pipesql.chat.template import markers, operator_ids, prompt_ids  # noqa: E402
from pipesql.decoding.backtracking import Alternatives, shared_tokens  # noqa: E402  # noqa: E402
from pipesql.decoding.decode import decode  # noqa: E402
from pipesql.decoding.grammar.mask import GrammarCompiler  # noqa: E402
from pipesql.decoding.sampling import Candidate, choose  # noqa: E402
from pipesql.decoding.types import Constraint, Decoded, DecodeLimits, Objection  # noqa: E402
from pipesql.models import resolve_model  # noqa: E402
from pipesql.models.load import load_model, load_tokenizer  # noqa: E402
from pipesql.pipe.read import error_in  # noqa: E402
from pipesql.pipe.schema import Column, Schema, Table  # noqa: E402

SCHEMA = Schema(
    (
        Table("singer", (Column("id", "INTEGER"), Column("name", "TEXT"), Column("age", "INTEGER"))),
        Table("stadium", (Column("id", "INTEGER"), Column("seats", "INTEGER"))),
    )
)
QUESTIONS = ("Who is over 30?", "How many singers?", "Large stadiums?", "What is the name?", "Where?", "Old ones?")
ANSWERS = (
    ("FROM singer", "|> WHERE age > 30", "|> SELECT name"),
    ("FROM singer", "|> AGGREGATE COUNT(*) AS count"),
    ("FROM stadium", "|> WHERE age > 30", "|> SELECT id"),
    ("FROM singer", "|> SELECT title"),
    ("FROM place",),
    ("FROM singer", "|> WHERE age > 80"),
)
"""The third and the fourth name a column that is not there, the fifth a table."""


@pytest.fixture(scope="module")
def taught() -> tuple[Any, Any, GrammarCompiler, list[list[int]]]:
    """A model that says ANSWERS, its tokenizer and grammars, and the prompts of QUESTIONS."""
    source = resolve_model("tiny")
    torch.manual_seed(0)
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    marks = markers(tokenizer)
    prompts, batch = [], []
    for question, operators in zip(QUESTIONS, ANSWERS, strict=True):
        prompt = prompt_ids(tokenizer, [{"role": "user", "content": question}])
        target = []
        for i, text in enumerate(operators):
            target += [*operator_ids(tokenizer, text, first=i == 0), marks.step if text != operators[-1] else marks.end]
        prompts.append(prompt)
        batch.append((prompt, target))
    overfit(model, batch)
    return model, tokenizer, GrammarCompiler(tokenizer, model.get_output_embeddings().weight.shape[0]), prompts


def names(index: int, operators: Sequence[str], whole: bool) -> Objection | None:
    """The check of names."""
    error = error_in(operators, SCHEMA)
    return None if error is None else Objection(error)


def answers(
    taught: Any, check: Any = names, limits: DecodeLimits | None = None, beams: int = 1, batch: int = 4, **more: Any
) -> list[Decoded]:
    model, tokenizer, compiler, prompts = taught
    constraint = Constraint(lambda index, before: compiler.operator(SCHEMA, before), check, **more)
    how = {"limits": limits or DecodeLimits(operator_tokens=40, operators=4), "batch": batch, "beams": beams}
    return decode(model, tokenizer, prompts, lambda index, operators: None, constraint=constraint, **how)


def logprob_alone(taught: Any, index: int, answer: Decoded) -> float:
    """The log probability of an answer's tokens, read in one piece behind its prompt."""
    model, tokenizer, _, prompts = taught
    marks, tokens = markers(tokenizer), list[int]()
    for number, operator in enumerate(answer.operators):
        last = number == len(answer.operators) - 1
        tokens += [*operator_ids(tokenizer, operator, first=number == 0), marks.end if last else marks.step]
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([prompts[index] + tokens])).logits[0]
    logprobs = torch.log_softmax(logits.float(), dim=-1)
    return sum(logprobs[len(prompts[index]) - 1 + place, token].item() for place, token in enumerate(tokens))


def test_what_can_stand_is_said_as_it_would_be_without(taught: Any) -> None:
    constrained = answers(taught)
    for index in (0, 1, 5):
        assert constrained[index].operators == ANSWERS[index] and constrained[index].backtracks == 0
        assert -0.5 < constrained[index].logprob < 0
    free = decode(taught[0], taught[1], taught[3], lambda index, operators: None, limits=DecodeLimits(40, 4))
    assert [a.operators for a in free] == list(ANSWERS)


def test_a_name_that_is_not_there_is_never_said(taught: Any) -> None:
    for answer in answers(taught):
        assert answer.stop == "done"
        assert error_in(answer.operators, SCHEMA) is None


def test_an_objection_leads_to_another_hypothesis(taught: Any) -> None:
    """Forbidden is what the model learnt; the operators before it stand, and what comes instead holds."""

    def check(index: int, operators: Sequence[str], whole: bool) -> Objection | None:
        return Objection("not that") if operators[-1] == "|> SELECT name" else names(index, operators, whole)

    answer = answers(taught, check)[0]
    assert answer.operators[:2] == ANSWERS[0][:2]
    assert answer.operators[2:3] != ("|> SELECT name",)
    assert answer.backtracks > 0 and answer.stop == "done"


def test_an_operator_without_an_alternative_is_given_up(taught: Any) -> None:
    def check(index: int, operators: Sequence[str], whole: bool) -> Objection | None:
        return Objection("nothing may follow") if len(operators) > 1 else names(index, operators, whole)

    answer = answers(taught, check)[0]
    assert answer.operators == ("FROM singer",)
    assert answer.stop == "done" and "operator 2 was given up: nothing may follow" in answer.detail
    assert answer.backtracks == DecodeLimits().backtracks


def test_without_any_operator_the_answer_is_invalid(taught: Any) -> None:
    answer = answers(taught, lambda *_: Objection("no"), DecodeLimits(40, 4, backtracks=2))[0]
    assert (answer.stop, answer.detail, answer.backtracks) == ("invalid", "no", 2)


def test_a_weak_objection_stands_where_no_alternative_is_as_cheap(taught: Any) -> None:
    """When an answer is memorised, any other hypothesis costs more than the objection."""

    def check(index: int, operators: Sequence[str], whole: bool) -> Objection | None:
        return (
            Objection("no row", weak=True) if operators[-1].startswith("|> WHERE") else names(index, operators, whole)
        )

    assert answers(taught, check, weak_cost=1.0)[5].operators == ANSWERS[5]
    elsewhere = answers(taught, check, weak_cost=1e6)[5]
    assert (
        not any(o.startswith("|> WHERE") for o in elsewhere.operators)
        or elsewhere.backtracks == DecodeLimits().backtracks
    )


def test_what_was_forgotten_leaves_no_trace(taught: Any) -> None:
    """After going back the row says what a row says that was never elsewhere: its answer by itself, token by token."""

    def check(index: int, operators: Sequence[str], whole: bool) -> Objection | None:
        return Objection("not that") if operators[-1] == "|> WHERE age > 30" else names(index, operators, whole)

    answer = answers(taught, check)[0]
    assert answer.backtracks > 0
    assert answer.logprob == pytest.approx(logprob_alone(taught, 0, answer), abs=1e-3)


def test_samples_are_drawn_by_their_seed(taught: Any) -> None:
    one, same, other = (answers(taught, temperature=lambda index: 3.0, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_an_operator_that_does_not_end_is_given_up(taught: Any) -> None:
    answer = answers(taught, limits=DecodeLimits(operator_tokens=4, operators=4, backtracks=1))[0]
    assert answer.operators[0] == "FROM singer" and "does not end within 4 tokens" in answer.detail


def test_a_place_behind_which_nothing_is_allowed(taught: Any) -> None:
    """No grammar of ours leads there, but a row must not fall over it."""
    model, tokenizer, compiler, prompts = taught

    class Dead:
        def __init__(self, mask: Any, dead: bool) -> None:
            self.mask, self.dead, self.taken = mask, dead, 0

        def allowed(self) -> Any:
            return self.mask.allowed() & (not self.dead or self.taken < 2)

        def take(self, token: int) -> str | None:
            self.taken += 1
            return self.mask.take(token)

    def mask_of(index: int, before: Sequence[str]) -> Any:
        return Dead(compiler.operator(SCHEMA, before), bool(before))

    constraint, limits = Constraint(mask_of, names), DecodeLimits(operator_tokens=40, operators=4, backtracks=3)
    (answer,) = decode(
        model, tokenizer, prompts[:1], lambda index, operators: None, limits=limits, constraint=constraint
    )
    assert answer.operators[0].startswith("FROM ") and answer.stop == "done" and answer.backtracks > 0


def test_choosing() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0, -1.0], [0.0, 2.0, 1.0, -1.0]])
    allowed = torch.tensor([[True, True, True, True], [True, False, False, False]])
    generators = [torch.Generator().manual_seed(0) for _ in range(2)]
    free, forced = choose(logits, allowed, [0.0, 0.0], generators)
    assert [c.token for c in free] == [1, 2, 0] and [c.token for c in forced] == [0]
    assert free[0].regret == 0 and forced[0].regret == pytest.approx(2.0)
    assert forced[0].logprob == pytest.approx(torch.log_softmax(logits[1], -1)[0].item())


def test_draws_follow_the_distribution() -> None:
    """Of 4,000 draws at temperature 1 each token has its share to within four standard errors."""
    count = 4_000
    logits, shares = torch.tensor([[0.0, 1.0, 2.0]]).repeat(count, 1), torch.softmax(torch.tensor([0.0, 1.0, 2.0]), -1)
    generators = [torch.Generator().manual_seed(n) for n in range(count)]
    drawn = choose(logits, torch.ones_like(logits, dtype=torch.bool), [1.0] * count, generators)
    for token, share in enumerate(shares.tolist()):
        found = sum(c[0].token == token for c in drawn) / count
        assert abs(found - share) < 4 * (share * (1 - share) / count) ** 0.5


def test_branches_come_cheapest_first_and_can_be_forgotten() -> None:
    a, b, c = (Candidate(n, 0.0, 0.0) for n in range(3))
    alternatives = Alternatives()
    assert alternatives.cheapest == float("inf")
    for cost, hypothesis in ((2.0, (a, b)), (1.0, (a, c)), (1.0, (b, c)), (3.0, (b,))):
        alternatives.add(cost, hypothesis)
    assert alternatives.cheapest == 1.0 and alternatives.take() == (b, c)
    alternatives.forget((a, c))
    assert alternatives.take() == (a, b)
    assert shared_tokens((a, b, c), (a, b)) == 2 and shared_tokens((a,), (b,)) == 0


def test_a_tokenizer_that_cannot_be_read(tmp_path: Path) -> None:
    from pipesql.errors import BadInput

    with pytest.raises(BadInput, match="fast tokenizer"):
        GrammarCompiler(object(), 10)


def test_beams_find_what_was_learnt_and_nothing_that_is_not_there(taught: Any) -> None:
    found = answers(taught, beams=3, batch=6)
    for index in (0, 1, 5):
        assert found[index].operators == ANSWERS[index]
    for answer in found:
        assert answer.stop == "done" and error_in(answer.operators, SCHEMA) is None
    assert [a.operators for a in answers(taught, beams=3, batch=1)] == [a.operators for a in found]


def test_beams_find_likelier_answers_than_greedy_decoding(taught: Any) -> None:
    """Without weak objections the best hypothesis of three is at least as likely as the greedy one."""
    for wide, greedy in zip(answers(taught, beams=3), answers(taught, margin=1e9), strict=True):
        assert wide.logprob >= greedy.logprob - 1e-3


def test_the_logprob_of_a_beam_is_that_of_its_text(taught: Any) -> None:
    answer = answers(taught, beams=3)[3]
    assert answer.logprob == pytest.approx(logprob_alone(taught, 3, answer), abs=1e-3)


def test_a_hypothesis_with_an_objection_ends(taught: Any) -> None:
    def check(index: int, operators: Sequence[str], whole: bool) -> Objection | None:
        return Objection("nothing may follow") if len(operators) > 1 else names(index, operators, whole)

    def never(index: int, operators: Sequence[str], whole: bool) -> Objection | None:
        return Objection("no")

    limits = DecodeLimits(operator_tokens=20, operators=4)
    answer = answers(taught, check, limits, beams=2)[0]
    assert answer.operators[0] in ("FROM singer", "FROM stadium") and len(answer.operators) == 1
    assert answer.stop == "done" and answer.backtracks > 0
    answer = answers(taught, never, limits, beams=2)[0]
    assert answer.stop == "invalid" and answer.detail
