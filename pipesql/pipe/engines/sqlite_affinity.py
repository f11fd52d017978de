"""Texts read as numbers in SQLite: SAFE_CAST, and the comparison that needs none.

SQLite's CAST makes 0 of a text that is no number. But a comparison applies numeric affinity to a text beside a number
(https://sqlite.org/datatype3.html, section 4.2): it stays a text, equal to no number, unless all of it is one.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.rules import Rule, cast, kind, refused
from pipesql.pipe.engines.sqlite_numbers import converted
from pipesql.pipe.types import INT, REAL, TEXT

_ENGINE = "SQLite"
_READ = "pipesql.read"
"""Under this key the `meta` of a CASE that reads a text as a number says so."""


def _tried(node: exp.Expr) -> exp.Expr:
    """SAFE_CAST of what always can be cast, and of a text to a real number."""
    plain = exp.Cast(this=node.this, to=node.args["to"])
    if kind(node.this) in (INT, REAL) or (kind(node.this) == TEXT and plain.is_type(*exp.DataType.TEXT_TYPES)):
        return converted(plain)
    if kind(node.this) == TEXT and plain.is_type(*exp.DataType.REAL_TYPES):
        number = cast(node.this, "REAL")
        whole = exp.EQ(this=number, expression=node.this.copy())
        case = exp.Case(ifs=[exp.If(this=whole, true=number.copy())])
        case.meta[_READ] = True
        return case
    raise refused("SAFE_CAST of a text other than AS FLOAT64", _ENGINE)


def _equal(node: exp.Expr) -> exp.Expr:
    """`number = SAFE_CAST(text AS FLOAT64)` of two columns of tables: SQLite compares them so by itself."""
    for side, other in (("this", "expression"), ("expression", "this")):
        number, case = node.args[side], node.args[other]
        if case.meta.get(_READ) and isinstance(number, exp.Column) and kind(number) in (INT, REAL):
            written = case.args["ifs"][0].this.expression
            if isinstance(written, exp.Column) and _stored(number, node) and _stored(written, node):
                node.set(other, written.copy())
    return node


def _stored(column: exp.Column, at: exp.Expr) -> bool:
    """Whether a column is one of a table, which has the affinity of its declared type."""
    select = at.find_ancestor(exp.Select)
    while select is not None:
        joins = select.args.get("joins") or []
        sources = [select.args["from_"].this, *(join.this for join in joins)] if select.args.get("from_") else []
        for source in sources:
            if source.alias_or_name.lower() == column.table.lower() or (not column.table and len(sources) == 1):
                return isinstance(source, exp.Table) and source.name.lower() not in _ctes(select)
        select = select.find_ancestor(exp.Select)
    return False


def _ctes(select: exp.Select) -> set[str]:
    """The names of the tables that the queries around define, in lower case."""
    names: set[str] = set()
    query: exp.Expr | None = select
    while query is not None:
        with_ = query.args.get("with_")
        names |= {cte.alias.lower() for cte in with_.expressions} if with_ is not None else set()
        query = query.parent
    return names


RULES: dict[type[exp.Expr], Rule] = {exp.TryCast: _tried, exp.EQ: _equal}
