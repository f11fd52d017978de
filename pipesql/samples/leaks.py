"""Leaks of dev into training, found before and after the samples are made.

A leak, which fails the build and is named:

- a database in both splits: by id, by bytes, or by its tables and their columns (a copy under another name);
- a question of dev in train on a database with the same tables: its words are the same, and every table that dev's
  gold reads is there, with the same columns. The same question on other tables ("How many players are there?") is not a
  leak but a coincidence of public benchmarks; it is *withheld* from training and reported.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipesql.errors import PipesqlError
from pipesql.execution.database import Database
from pipesql.pipe.schema import Schema
from pipesql.records import GoldenPair, Question

LEAKS = "leaks.json"
"""The leak report in a data folder."""
_SHOWN = 5


@dataclass(frozen=True)
class Twin:
    """A train pair and a question of dev in the same words."""

    train: GoldenPair
    dev: GoldenPair | Question


def check_databases(train: Sequence[GoldenPair], dev: Sequence[GoldenPair | Question]) -> None:
    """Raise PipesqlError for databases in both train and dev, naming them and a question of each."""
    of_train = {pair.db_id: pair for pair in reversed(train)}
    of_dev = {question.db_id: question for question in reversed(dev)}
    digests = {pair.database_digest: pair for pair in of_train.values()}
    shapes = {_shape(Database(pair.database).schema): pair for pair in of_train.values()}
    found = []
    for db_id, question in of_dev.items():
        same = of_train.get(db_id)
        if same is None and isinstance(question, GoldenPair):
            same = digests.get(question.database_digest)
        if same is None:
            same = shapes.get(_shape(Database(question.database).schema))
        if same is not None:
            name = db_id if same.db_id == db_id else f"{same.db_id} = {db_id}"
            found.append(f"{name}: {same.id} and {question.id}")
    if found:
        raise PipesqlError(
            f"{len(found)} databases are in train and in dev ({_listed(found)}); split the benchmark by database"
        )


def twins(train: Sequence[GoldenPair], dev: Sequence[GoldenPair | Question]) -> list[Twin]:
    """The train pairs with a question of dev, in train's order. Raises PipesqlError naming those that are leaks."""
    by_words: dict[str, list[GoldenPair | Question]] = {}
    for question in dev:
        by_words.setdefault(normalised(question.question), []).append(question)
    found = [Twin(pair, question) for pair in train for question in by_words.get(normalised(pair.question), ())]
    leaks = [twin for twin in found if _same_tables(twin)]
    if leaks:
        names = [f"{twin.train.id} has the question of {twin.dev.id}: {twin.dev.question!r}" for twin in leaks]
        raise PipesqlError(
            f"{len(leaks)} questions of dev are in train, on databases with the same tables ({_listed(names)}); "
            "remove them from train"
        )
    return list({twin.train.id: twin for twin in reversed(found)}.values())[::-1]


def normalised(text: str) -> str:
    """A question's words without case, spacing and punctuation, by which questions are compared."""
    words = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in words).split())


def leak_metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """The counts of a leak report as metrics `leaks/…`."""
    return {f"leaks/{name}": float(value) for name, value in report.items() if isinstance(value, int)}


def _same_tables(twin: Twin) -> bool:
    """Whether all tables that dev's gold reads are in the train pair's database too, with the same columns."""
    here, there = Database(twin.dev.database).schema, Database(twin.train.database).schema
    names = {name for name in _tables(twin.dev.gold_sql) if here.table(name)}
    return bool(names) and all(_columns(here, name) == _columns(there, name) for name in names)


def _tables(gold_sql: str) -> set[str]:
    """The tables that a query names; none if sqlglot cannot read it (then it does not give a pair either)."""
    try:
        return {table.name for table in sqlglot.parse_one(gold_sql, read="sqlite").find_all(exp.Table)}
    except SqlglotError:
        return set()


def _columns(schema: Schema, name: str) -> frozenset[str] | None:
    table = schema.table(name)
    return frozenset(column.name.lower() for column in table.columns) if table else None


def _shape(schema: Schema) -> frozenset[tuple[str, frozenset[str]]]:
    """Names of tables and columns, without regard to case and order."""
    return frozenset((table.name.lower(), _columns(schema, table.name) or frozenset()) for table in schema)


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return "; ".join(shown[:_SHOWN]) + ("; …" if len(shown) > _SHOWN else "")
