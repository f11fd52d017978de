"""What a gold query promises about the order of its rows, and the query that makes its sort keys visible.

`ORDER BY` at top level sorts by keys that need not be in the output. To see which rows tie, the gold is rewritten: its
LIMIT and OFFSET are removed, and keys that are not output columns are added after them. The rewriting follows SQLite's
reading of an ORDER BY term: a whole number is an output column, a bare name is first an output alias, anything else is
an expression, which may use aliases too. Other engines read expressions differently, so there an expression with such a
name counts as a key that cannot be seen. After DISTINCT and set operations only output columns can be keys that a row
determines.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

_KEY = "pipesql_sort_key_"


@dataclass(frozen=True)
class GoldOrder:
    """`ordered`: an ORDER BY at top level; `cuts`: a LIMIT or OFFSET at top level.

    `key_sql` gives all rows uncut, in order, the first `width` columns the gold's own and the sort keys at
    `key_positions`; empty where the order cannot be seen in rows (or the OFFSET is not a literal).
    """

    ordered: bool
    cuts: bool
    width: int
    offset: int = 0
    key_sql: str = ""
    key_positions: tuple[int, ...] = ()


def gold_order(sql: str, columns: tuple[str, ...], dialect: str = "sqlite") -> GoldOrder | None:
    """The order that the query `sql` promises, whose result has these columns. None if it cannot be parsed."""
    try:
        tree = sqlglot.parse_one(sql, read=dialect)
    except SqlglotError:
        return None
    if not isinstance(tree, exp.Query):
        return None
    order, limit, offset = tree.args.get("order"), tree.args.get("limit"), tree.args.get("offset")
    cuts = limit is not None or offset is not None
    width = len(columns)
    skipped = _literal(offset.expression) if offset is not None else 0
    uncut = tree.copy()
    uncut.set("limit", None)
    uncut.set("offset", None)
    if order is None:
        return GoldOrder(False, cuts, width, key_sql=uncut.sql(dialect) if cuts else "")
    if skipped is None:
        return GoldOrder(True, cuts, width)
    positions: list[int] = []
    added: list[exp.Expression] = []
    can_add = isinstance(uncut, exp.Select) and not uncut.args.get("distinct")
    for term in order.expressions:
        key = term.this
        if isinstance(key, exp.Collate) and not can_add:
            key = key.this
        position = _output_position(key, uncut, columns, dialect, by_name=not can_add)
        if position is None and not (can_add and _reads_alike(key, uncut, dialect)):
            return GoldOrder(True, cuts, width, skipped)
        if position is None:
            position = width + len(added)
            added.append(exp.alias_(_visible(_without_aliases(key.copy(), uncut)), f"{_KEY}{len(added)}"))
        positions.append(position)
    if added:
        uncut.set("expressions", [*uncut.expressions, *added])
    return GoldOrder(True, cuts, width, skipped, uncut.sql(dialect), tuple(positions))


def _literal(node: exp.Expression) -> int | None:
    if isinstance(node, exp.Literal) and node.is_int:
        return max(int(node.name), 0)
    return None


def _reads_alike(key: exp.Expression, query: exp.Query, dialect: str) -> bool:
    """Whether all names in an added key mean columns, or what SQLite would take them for."""
    if dialect == "sqlite" or isinstance(key, exp.Column):
        return True
    aliases = {item.alias.lower() for item in query.selects if isinstance(item, exp.Alias)}
    return not any(c.name.lower() in aliases for c in key.find_all(exp.Column) if not c.table)


def _output_position(
    key: exp.Expression, query: exp.Query, columns: tuple[str, ...], dialect: str, by_name: bool
) -> int | None:
    """The output column that the key is. Names and equal expressions count only if `by_name` (nothing can be added)."""
    if isinstance(key, exp.Literal) and key.is_int:
        position = int(key.name) - 1
        return position if 0 <= position < len(columns) else None
    if not by_name:
        return None
    names = [c.lower() for c in columns]
    if isinstance(key, exp.Column) and key.name.lower() in names and not key.table:
        return names.index(key.name.lower())
    branch: exp.Query = query
    while isinstance(branch, exp.SetOperation | exp.Subquery):
        branch = branch.this
    if len(branch.selects) == len(columns):  # otherwise one of them is a star
        texts = [item.unalias().sql(dialect).lower() for item in branch.selects]
        if key.sql(dialect).lower() in texts:
            return texts.index(key.sql(dialect).lower())
    if isinstance(key, exp.Column) and key.name.lower() in names:
        return names.index(key.name.lower())
    return None


def _without_aliases(key: exp.Expression, query: exp.Query) -> exp.Expression:
    """`key` with output aliases replaced by what they stand for, since a select list cannot use its own aliases."""
    meaning = {item.alias.lower(): item.this for item in query.selects if isinstance(item, exp.Alias)}

    def replace(node: exp.Expression) -> exp.Expression:
        value = meaning.get(node.name.lower()) if isinstance(node, exp.Column) and not node.table else None
        if value is None or (value.find(exp.AggFunc) and node.find_ancestor(exp.AggFunc)):
            return node  # inside an aggregate, `x` is the table's column even where `MAX(x) AS x` is put out
        return exp.paren(value.copy())

    return key.transform(replace)


def _visible(key: exp.Expression) -> exp.Expression:
    """A value that is equal wherever the key's collation says equal."""
    if isinstance(key, exp.Collate) and key.expression.name.upper() == "NOCASE":
        return exp.Lower(this=key.this)
    return key
