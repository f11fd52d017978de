"""What gold queries compare with: values that a disturbed copy should hold, so that they find something there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

Literal = str | int | float

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.Glob, exp.In, exp.Between)


def literals(golds: Iterable[str], dialect: str = "sqlite") -> list[Literal]:
    """The texts and numbers in the queries, each once, in the order met; LIKE patterns without their wildcards.

    Names in double quotes count too: SQLite takes them for text where no column has that name. Queries that sqlglot
    cannot read give nothing; their own round trip says why.
    """
    found: dict[tuple[str, str], Literal] = {}
    for tree in _trees(golds, dialect):
        for node in tree.find_all(exp.Literal, exp.Identifier):
            if isinstance(node, exp.Identifier) and not node.args.get("quoted"):
                continue
            value = _value(node)
            found.setdefault((type(value).__name__, str(value)), value)
    return list(found.values())


def sought(golds: Iterable[str], dialect: str = "sqlite") -> list[dict[str, Literal]]:
    """Of each query that compares columns with values: column name in lower case → value.

    A column that is compared with several values gives several such rows, the first with the first of each; for `>` and
    `<` the value beyond the bound comes first, then the bound itself.
    """
    found: dict[str, dict[str, Literal]] = {}
    for tree in _trees(golds, dialect):
        compared: dict[str, list[Literal]] = {}
        for comparison in tree.find_all(*_COMPARISONS):
            for column, value in _pairs(comparison):
                compared.setdefault(column, []).extend(_around(comparison, value))
        for turn in range(max(map(len, compared.values()), default=0)):
            row = {column: values[min(turn, len(values) - 1)] for column, values in compared.items()}
            found.setdefault(repr(sorted(row.items())), row)
    return list(found.values())


def _trees(golds: Iterable[str], dialect: str) -> Iterator[exp.Expr]:
    for gold in golds:
        try:
            yield sqlglot.parse_one(gold, read=dialect)
        except SqlglotError:
            continue


def _pairs(comparison: exp.Expr) -> Iterator[tuple[str, Literal]]:
    sides = list(comparison.iter_expressions())
    columns = [side for side in sides if isinstance(side, exp.Column) and not _is_text(side)]
    for column in columns:
        for side in sides:
            value = _constant(side)
            if value is not None:
                yield column.name.lower(), value


def _around(comparison: exp.Expr, value: Literal) -> list[Literal]:
    """Values that meet the comparison and that stand on its bound."""
    if isinstance(value, str):
        return [value + "~", value] if isinstance(comparison, exp.GT) else [value]
    if isinstance(comparison, exp.GT):
        return [value + 1, value]
    return [value - 1, value] if isinstance(comparison, exp.LT) else [value]


def _constant(node: exp.Expr) -> Literal | None:
    if isinstance(node, exp.Neg):
        value = _constant(node.this)
        return -value if isinstance(value, int | float) else None
    if isinstance(node, exp.Literal):
        return _value(node)
    return _value(node.this) if _is_text(node) else None


def _is_text(node: exp.Expr) -> bool:
    """A bare name in double quotes, which is text far more often than a column."""
    return isinstance(node, exp.Column) and not node.table and bool(node.this.args.get("quoted"))


def _value(node: exp.Expr) -> Literal:
    if isinstance(node, exp.Literal) and not node.is_string:
        return int(node.this) if node.is_int else float(node.this)
    return str(node.this).strip("%")
