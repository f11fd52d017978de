"""Figures by class of question: its hardness, its database, the length of its gold and the constructs in it.

Also by how answers fail: the cause, and the operator at which they diverge from the gold (`evaluate.divergence`). The
constructs of a gold are read from the operators of its pipe form, nested queries included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlglot import exp

from pipesql.evaluate.judge import CAUSES
from pipesql.evaluate.rules import SCORES
from pipesql.evaluate.statistics import Share
from pipesql.pipe import operators as op
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.reading.parser import parse_operators
from pipesql.pipe.walk import Walked, parts
from pipesql.records import Verdict

CONSTRUCTS = (
    "one table",
    "join",
    "outer join",
    "where",
    "aggregate",
    "group by",
    "having",
    "order by",
    "limit",
    "distinct",
    "nested query",
    "set operation",
    "window",
    "case",
)
"""In the order of reports. `one table`: without a join, nested query or set operation."""
_SEVERAL = frozenset({"join", "outer join", "nested query", "set operation"})


@lru_cache(maxsize=10_000)
def constructs(operators: tuple[str, ...]) -> tuple[str, ...]:
    """The constructs of a query given as the texts of its operators. Raises SqlError where that is not pipe SQL."""
    found = set(_of_query(parse_operators(operators)))
    if not found & _SEVERAL:
        found.add("one table")
    return tuple(name for name in CONSTRUCTS if name in found)


def _of_query(query: PipeQuery) -> Iterator[str]:
    for cte in query.ctes:
        yield "nested query"
        yield from _of_query(cte.query)
    yield from _of_operators(query.operators)


def _of_operators(operators: Sequence[op.Operator]) -> Iterator[str]:
    grouped = False
    for operator in operators:
        yield from _of_operator(operator, grouped)
        grouped |= isinstance(operator, op.Aggregate)


def _of_operator(operator: op.Operator, grouped: bool) -> Iterator[str]:
    match operator:
        case op.SetOperation(queries=queries):
            yield "set operation"
            for query in queries:  # a branch is not a nested query
                yield from _of_query(query)
            return
        case op.Aggregate(keys=keys):
            yield "group by" if keys else "aggregate"
        case op.Where():
            yield "having" if grouped else "where"
        case op.OrderBy():
            yield "order by"
        case op.Limit():
            yield "limit"
        case op.Distinct() | op.Select(distinct=True):
            yield "distinct"
    yield from _inside(operator)


def _inside(part: Walked) -> Iterator[str]:
    """The constructs within an operator: joins, and expressions with the queries nested in them."""
    match part:
        case PipeQuery():
            yield "nested query"
            yield from _of_query(part)
            return
        case op.Join(kind=kind):
            yield "join"
            if kind in ("LEFT", "RIGHT", "FULL"):
                yield "outer join"
        case exp.Expr():
            if part.find(exp.Window):
                yield "window"
            if part.find(exp.Case, exp.If):
                yield "case"
    for each in parts(part):
        yield from _inside(each)


HARDNESS = ("easy", "medium", "hard", "extra", "simple", "moderate", "challenging")
"""The usual order of hardness classes, Spider's and BIRD's; others follow by name."""


@dataclass(frozen=True)
class Tally:
    """The sum of the answers' scores to `n` questions, by rule; rules by which they were not judged are left out."""

    n: int
    sums: dict[str, float]

    def share(self, rule: str) -> float | None:
        """The mean score in 0…1; None where it is not known."""
        return self.sums[rule] / self.n if self.n and rule in self.sums else None


Labels = Callable[[Verdict], Iterable[str]]

BY: dict[str, Labels] = {
    "hardness": lambda v: [v.hardness] if v.hardness else [],
    "operators": lambda v: [str(len(v.gold_operators))] if v.gold_operators else [],
    "construct": lambda v: constructs(v.gold_operators) if v.gold_operators else (),
    "database": lambda v: [v.db_id],
}
"""How questions are divided into classes. A question may have several constructs, or be in no class."""


def tally(verdicts: Sequence[Verdict]) -> Tally:
    """The figures of these verdicts together."""
    sums: dict[str, float] = {}
    for rule in SCORES:
        scores = [score for v in verdicts if (score := v.score(rule)) is not None]
        if len(scores) == len(verdicts):
            sums[rule] = sum(scores)
    return Tally(len(verdicts), sums)


def divided(verdicts: Sequence[Verdict], by: str) -> dict[str, Tally]:
    """The tally of each class of questions, in the order of reports."""
    members: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        for label in BY[by](verdict):
            members.setdefault(label, []).append(verdict)
    return {label: tally(members[label]) for label in sorted(members, key=lambda label: _place(label, by))}


def causes(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """The number of failures by cause, all causes in the order of `CAUSES`."""
    counts = Counter(v.cause for v in verdicts if v.cause)
    return {cause: counts[cause] for cause in CAUSES}


def divergences(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """The number of wrong answers that diverge from the gold in each kind of operator, the most frequent first."""
    counts = Counter(v.diverges_in for v in verdicts if v.diverges_in)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True)
class Summary:
    """Figures of one model: execution accuracy, validity, accuracy by hardness, failures by cause."""

    ex: Share
    valid: Share
    by_hardness: dict[str, Share]
    causes: dict[str, int]

    def metrics(self, prefix: str) -> dict[str, float]:
        """Flat metrics: `prefix/ex` with its interval as `_low` and `_high`, `prefix/valid`, hardness, causes."""
        out: dict[str, float] = {f"{prefix}/n": self.ex.n}
        for name, share in (("ex", self.ex), ("valid", self.valid)):
            low, high = share.interval
            out |= {f"{prefix}/{name}": share.value, f"{prefix}/{name}_low": low, f"{prefix}/{name}_high": high}
        out |= {f"{prefix}/ex_{name}": share.value for name, share in self.by_hardness.items()}
        return out | {f"{prefix}/cause_{name}": count for name, count in self.causes.items()}


def summarise(verdicts: Sequence[Verdict]) -> Summary:
    """The figures of one model's verdicts."""
    n = len(verdicts)
    return Summary(
        ex=Share(sum(v.correct for v in verdicts), n),
        valid=Share(sum(v.valid for v in verdicts), n),
        by_hardness={h: Share(round(t.sums["strict"]), t.n) for h, t in divided(verdicts, "hardness").items()},
        causes=causes(verdicts),
    )


def document(models: Mapping[str, Sequence[Verdict]]) -> dict[str, Any]:
    """All of it as a JSON document: the shares of each model by class and rule, its causes and divergences."""
    return {
        name: {
            "all": _shares(tally(verdicts)),
            **{f"by_{by}": {label: _shares(t) for label, t in divided(verdicts, by).items()} for by in BY},
            "causes": causes(verdicts),
            "diverges_in": divergences(verdicts),
            "diverges_at": _by_number(v.diverges_at for v in verdicts if v.diverges_at),
        }
        for name, verdicts in models.items()
    }


def _by_number(numbers: Iterable[int]) -> dict[str, int]:
    return {str(number): count for number, count in sorted(Counter(numbers).items())}


def _shares(figures: Tally) -> dict[str, float]:
    return {"n": figures.n, **{rule: round(total / figures.n, 6) for rule, total in figures.sums.items()}}


def _place(label: str, by: str) -> tuple[int, str]:
    order: Sequence[str] = {"hardness": HARDNESS, "construct": CONSTRUCTS}.get(by, ())
    if by == "operators":
        return int(label), label
    return (order.index(label) if label in order else len(order)), label
