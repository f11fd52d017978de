"""Two models on the same questions: which of the differences between them are beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipesql.errors import BadInput
from pipesql.evaluate.rules.scores import RULES, worth
from pipesql.evaluate.statistics import mcnemar_two_sided
from pipesql.records import Verdict


@dataclass(frozen=True)
class Pairing:
    """By one rule: questions that only the one answered rightly, that only the other did, and the two-sided p-value."""

    questions: int
    gained: int
    lost: int
    p: float

    def __str__(self) -> str:
        return f"gained {self.gained}, lost {self.lost}, exact McNemar p = {self.p:.2g}"


@dataclass(frozen=True)
class Against:
    """A model beside an earlier one, called `name`, by every rule by which both were judged."""

    name: str
    by_rule: dict[str, Pairing]
    alone: int
    """Questions of this evaluation that the other was not asked, or with another gold."""

    def metrics(self) -> dict[str, float]:
        """`against/gained`, `lost`, `p` and `questions` by the strict rule, `against/spider_gained` … by the others."""
        out: dict[str, float] = {}
        for rule, pairing in self.by_rule.items():
            prefix = "against/" if rule == "strict" else f"against/{rule}_"
            out |= {f"{prefix}gained": pairing.gained, f"{prefix}lost": pairing.lost, f"{prefix}p": pairing.p}
        return {"against/questions": self.by_rule["strict"].questions, **out}

    def text(self) -> str:
        """A line a rule, under a line that says what is compared."""
        asked = self.by_rule["strict"].questions
        left = f" ({self.alone} more were not asked there)" if self.alone else ""
        lines = [f"against {self.name}, on {asked} questions that both were asked{left}:"]
        return "\n".join(lines + [f"  {rule:<8}{pairing}" for rule, pairing in self.by_rule.items()])


def pairings(other: Sequence[Verdict], one: Sequence[Verdict]) -> dict[str, Pairing]:
    """`one` beside `other`, by every rule by which all were judged; both hold verdicts on the same questions, by id."""
    before = {v.id: v for v in other}
    found = {}
    for rule in RULES:
        worths = [(worth(v, rule), worth(before[v.id], rule)) for v in one]
        if any(new is None or old is None for new, old in worths):
            continue
        gained = sum(bool(new) and not old for new, old in worths)
        lost = sum(bool(old) and not new for new, old in worths)
        found[rule] = Pairing(len(worths), gained, lost, mcnemar_two_sided(gained, lost))
    return found


def against(name: str, other: Sequence[Verdict], one: Sequence[Verdict]) -> Against:
    """`one` beside the verdicts of another evaluation, on the questions that both were asked with the same gold.

    Raises BadInput where there is no such question.
    """
    before = {(v.id, v.gold_sql): v for v in other}
    both = [v for v in one if (v.id, v.gold_sql) in before]
    if not both:
        raise BadInput(f"{name} shares no question with this evaluation: evaluate both on the same data")
    earlier = [before[v.id, v.gold_sql] for v in both]
    return Against(name, pairings(earlier, both), len(one) - len(both))
