"""An evaluation as one HTML page that stands by itself, with every question in it (`pipesql.pages`).

The same evaluation gives the same page: it does not hold when or how fast it was made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipesql.evaluate.breakdown import BY, CONSTRUCTS, causes, constructs, divergences, divided, summarise
from pipesql.evaluate.judge import Judged, Table
from pipesql.evaluate.rules import RULES
from pipesql.evaluate.statistics import EarlierComparison, Estimate, Share, shown
from pipesql.pages import packed, render

TEMPLATE = Path(__file__).with_name("page.html.jinja")
MAX_TEXT = 120
"""Characters of a value that the page shows."""
_EXACT = 2**53
"""Whole numbers beyond it are no longer exact in a browser, and are written as text."""

TITLES = {
    "hardness": "Difficulty",
    "operators": "Operators of the gold",
    "construct": "Constructs of the gold",
    "database": "Databases",
}
MEANINGS = {
    "missing": "was not submitted",
    "length": "had not ended when a limit of decoding was reached",
    "syntax": "is not pipe SQL",
    "name": "names a table or column that does not exist there, or is ambiguous",
    "unsupported": "uses a construct that cannot be lowered",
    "timeout": "ran past the deadline",
    "execution": "was refused by the database, or returned too many rows",
    "rows": "ran, and returned other rows than the gold",
}
DESCRIPTIONS = {
    "strict": "rows as a multiset, ordered where the gold orders, columns in their places",
    "spider": "Spider's test suites: columns in any order, on the database and on perturbed copies",
    "bird": "BIRD's execution accuracy: the set of rows",
    "soft_f1": "BIRD's Soft F1: how many cells of the rows agree",
}


@dataclass(frozen=True)
class Model:
    """One model's column of the page."""

    name: str
    judged: Sequence[Judged]
    estimates: Mapping[str, Estimate]

    @property
    def valid(self) -> Share:
        """Answers that ran."""
        return summarise([j.verdict for j in self.judged]).valid


def page(
    title: str, models: Sequence[Model], compared: Sequence[str] = (), against: EarlierComparison | None = None
) -> str:
    """The page for one or several models that answered the same questions, baseline first and candidate last.

    `compared` are sentences that compare the models, `against` is the comparison with an earlier evaluation.
    """
    verdicts = [[j.verdict for j in model.judged] for model in models]
    return render(
        TEMPLATE,
        title=title,
        models=models,
        rules=RULES,
        rows_by_rule=[(name, DESCRIPTIONS[name]) for name in models[-1].estimates],
        shown=shown,
        compared=compared,
        against=against,
        tables=[(by, TITLES[by], _classes([divided(each, by) for each in verdicts])) for by in BY],
        causes=[(name, MEANINGS[name], counts) for name, counts in _counted(list(map(causes, verdicts)))],
        divergences=_counted(list(map(divergences, verdicts))),
        data=packed({"constructs": CONSTRUCTS, "rules": RULES, "models": _names(models), "rows": _rows(models)}),
        questions=len(models[-1].judged),
        placeholder="words in the question, the gold, the answers or the id",
        files="the verdict files",
    )


def _names(models: Sequence[Model]) -> list[str]:
    return [model.name for model in models]


def _classes(tallies: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Any]]]:
    """(label, each model's tally) of each class; all models have the same classes, as they have the same questions."""
    return [(label, [each[label] for each in tallies]) for label in tallies[-1]]


def _counted(counts: Sequence[Mapping[str, int]]) -> list[tuple[str, list[int]]]:
    """(name, each model's count) of each name that any model has, in the order of the last model."""
    names = dict.fromkeys(name for each in reversed(counts) for name in each)
    rows = [(name, [each.get(name, 0) for each in counts]) for name in names]
    return [row for row in rows if any(row[1])]


def _rows(models: Sequence[Model]) -> list[list[Any]]:
    """The questions as page.js reads them."""
    return [_row(answers) for answers in zip(*(model.judged for model in models), strict=True)]


def _row(answers: Sequence[Judged]) -> list[Any]:
    verdict, gold = answers[-1].verdict, answers[-1].gold
    made_of = constructs(verdict.gold_operators) if verdict.gold_operators else ()
    return [
        verdict.id,
        verdict.db_id,
        verdict.hardness,
        [CONSTRUCTS.index(name) for name in made_of],
        verdict.question,
        verdict.gold_sql,
        verdict.gold_operators,
        _table(gold),
        [_answer(judged, gold) for judged in answers],
    ]


def _answer(judged: Judged, gold: Table) -> list[Any]:
    """One model's answer; its last field is its rows, 0 where they are the gold's, null where it did not run."""
    verdict, rows = judged.verdict, judged.answer
    return [
        [int(verdict.correct), int(bool(verdict.spider)), int(bool(verdict.bird))],
        round(verdict.soft_f1 or 0.0, 3),
        verdict.cause,
        verdict.detail,
        verdict.pipe_sql,
        verdict.lowered_sql,
        [verdict.diverges_at, verdict.diverges_in],
        verdict.extra.get("tokens", 0),
        rows if rows is None else 0 if rows == gold else _table(rows),
    ]


def _table(table: Table) -> list[Any]:
    return [table.columns, [[_cell(value) for value in row] for row in table.rows], table.count]


def _cell(value: Any) -> Any:
    """A value in a form that JSON and a browser can hold: null, a number, or text, cut to `MAX_TEXT` characters."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and abs(value) < _EXACT and math.isfinite(value):
        return value
    text = f"x'{value.hex()}'" if isinstance(value, bytes) else str(value)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
