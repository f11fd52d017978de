"""FROM and JOIN: which columns their tables bring, and what USING, NATURAL and brackets do to names.

Names for what has none: temporary columns say what they hold, range variables are called by their table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from pipesql.decompile.bind.bound import Around, BoundSelect, Output, Shown, Source, bound_column
from pipesql.decompile.prepare.sugar import is_bracket
from pipesql.errors import SqlSyntaxError, UnknownName, UnsupportedSql
from pipesql.pipe.expressions import unbracketed
from pipesql.pipe.types import REAL

if TYPE_CHECKING:
    from pipesql.decompile.bind.binder import Binder


class Tables:
    """Binds the sources of SELECTs and their joins' conditions."""

    def __init__(self, binder: Binder) -> None:
        self.binder = binder
        self.spelling: dict[str, str] = {}
        """By lower-case name the CTEs' names as their definitions spell them."""

    def bind(self, node: exp.Select, bound: BoundSelect, around: Around) -> None:
        """The sources, then the conditions, since SQLite lets ON name later tables too."""
        from_, joins = node.args.get("from_"), node.args.get("joins") or []
        if from_ is None and joins:
            raise SqlSyntaxError("a JOIN needs a FROM before it")
        if from_ is not None:
            bound.sources.append(self.source(from_.this, around))
        for join in joins:
            bound.sources.append(self.source(join.this, around))
        for number, join in enumerate(joins, 1):
            bound.conditions.append(self._condition(join, number, bound, around))
        if bound.star is None and any(s.renamed for s in bound.sources):
            bound.star = self._star(bound, len(bound.sources))

    def _condition(self, join: exp.Join, number: int, bound: BoundSelect, around: Around) -> exp.Expr | None:
        if join.kind in ("SEMI", "ANTI", "ASOF", "POSITIONAL", "STRAIGHT"):
            raise UnsupportedSql(f"{join.kind} JOIN")
        using = [u.name for u in join.args.get("using") or []]
        if join.method.upper() == "NATURAL":
            using = self._common(bound, number)
        elif join.method:
            raise UnsupportedSql(f"{join.method} JOIN")
        if using:
            return self._merge(using, number, join.side, bound)
        if bound.star is not None:
            bound.star += _shown(bound.sources[number])
        on = join.args.get("on")
        if on is None or (isinstance(on, exp.Boolean) and on.this is True):
            return None
        self.binder.names(bound, around).bind(join, only=on)
        condition: exp.Expr = join.args["on"]
        return condition

    def _common(self, bound: BoundSelect, number: int) -> list[str]:
        """The columns of NATURAL, in the order in which the left side has them."""
        right = bound.sources[number]
        names = [o.name for o, _ in self._star(bound, number)]
        return list(dict.fromkeys(n for n in names if right.find(n)))

    def _star(self, bound: BoundSelect, number: int) -> list[Shown]:
        """What `*` shows of the sources before one."""
        if bound.star is None:
            return [shown for source in bound.sources[:number] for shown in _shown(source)]
        return bound.star

    def _merge(self, using: list[str], number: int, side: str, bound: BoundSelect) -> exp.Expr | None:
        """The condition that USING or NATURAL stands for; `*` and bare names then mean the merged columns."""
        right = bound.sources[number]
        left = self._star(bound, number)
        condition: exp.Expr | None = None
        merged: dict[str, exp.Expr] = {}
        for name in using:
            lower = name.lower()
            own = next((value for output, value in left if output.name.lower() == lower), None)
            if own is None or right.find(name) is None:
                raise UnknownName(f"USING ({name}): both tables must have the column", name)
            other = bound_column(right, name)
            equal = exp.EQ(this=own.copy(), expression=other.copy())
            condition = equal if condition is None else exp.And(this=condition, expression=equal)
            right.hidden.add(lower)
            merged[lower] = own.copy()
            if side == "FULL" or (side == "RIGHT" and not self._alike(own, other)):
                merged[lower] = exp.Coalesce(this=own.copy(), expressions=[other])
            elif side == "RIGHT":
                merged[lower] = other
            if side in ("RIGHT", "FULL"):
                bound.coalesced[lower] = merged[lower]
        bound.star = self._merged_star(left, right, merged)
        return condition

    def _alike(self, left: exp.Expr, right: exp.Expr) -> bool:
        """Whether equal values of both are the same value."""
        kind = self.binder.kind(left)
        return kind != "" and kind == self.binder.kind(right)

    def _merged_star(self, left: list[Shown], right: Source, merged: dict[str, exp.Expr]) -> list[Shown]:
        rest = [(o, v) for o, v in _shown(right) if o.name.lower() not in merged]
        if not self.binder.habits.merged_first:
            return [(o, merged.get(o.name.lower(), v)) for o, v in left] + rest
        outputs = {o.name.lower(): o for o, _ in reversed(left)}
        first = [(outputs[name], value) for name, value in merged.items()]
        return first + [(o, v) for o, v in left if o.name.lower() not in merged] + rest

    def source(self, node: exp.Expr, around: Around) -> Source:
        """A table, CTE or derived table."""
        identity = f"§{next(self.binder.numbers)}"
        wanted = [c.name for c in node.args["alias"].columns] if node.args.get("alias") else []
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            source = self._table(node, identity, around)
        elif isinstance(node, exp.Subquery):
            source = self._derived(node, identity, around)
        else:
            raise UnsupportedSql(f"{node.key.upper()} in FROM", node.sql(self.binder.habits.dialect))
        if wanted:
            source.columns = renamed(source.columns, wanted)
            source.renamed = True
            if isinstance(node, exp.Subquery):
                self.binder.compounds.rename(node.this, wanted)
        self.binder.sources[identity] = source
        return source

    def _table(self, node: exp.Table, identity: str, around: Around) -> Source:
        found = around.ctes.get(node.name.lower())
        if found is not None:
            return Source(identity, node.alias_or_name, node, found, self.spelling[node.name.lower()], is_cte=True)
        table = self.binder.schema.table(node.name)
        if table is None:
            raise UnknownName(f"no table {node.name} in the database", node.name)
        columns = tuple([Output(c.name, kind) for c, kind in zip(table.columns, table.kinds, strict=True)])
        if self.binder.habits.dialect != "sqlite":
            columns = tuple(
                Output(o.name, o.kind or _decimal(c.type)) for o, c in zip(columns, table.columns, strict=True)
            )
        return Source(identity, node.alias_or_name, node, columns, table.name)

    def _derived(self, node: exp.Subquery, identity: str, around: Around) -> Source:
        outputs = tuple(self.binder.query(node.this, around))
        if not is_bracket(node):
            return Source(identity, node.alias, node, outputs)
        taken: set[str] = set()
        named = tuple(Output(unique(o.name, taken), o.kind) for o in outputs)
        source = Source(identity, node.alias, node, named)
        inside = self.binder.bound(node.this)
        if inside.star is not None and self.binder.habits.dialect == "sqlite":
            raise UnsupportedSql("USING or NATURAL in brackets beside an outer join", "SQLite shows such columns first")
        for (_, value), shown in zip(inside.outputs, named, strict=True):
            if isinstance(value, exp.Column):
                owner = self.binder.sources[value.table]
                source.members.setdefault(owner.alias.lower(), {})[value.name.lower()] = shown.name
                for alias, columns in owner.members.items():
                    inner = {n: shown.name for n, held in columns.items() if held == value.name}
                    source.members.setdefault(alias, {}).update(inner)
        return source


def renamed(columns: tuple[Output, ...], names: list[str]) -> tuple[Output, ...]:
    """The columns under the names of an alias's column list, which may be shorter. Raises SqlSyntaxError."""
    if len(names) > len(columns):
        raise SqlSyntaxError(f"{len(names)} column names for {len(columns)} columns")
    return (*(Output(n, o.kind) for n, o in zip(names, columns, strict=False)), *columns[len(names) :])


def _shown(source: Source) -> list[Shown]:
    return [(c, bound_column(source, c.name)) for c in source.columns]


def _decimal(declared: str) -> str:
    return REAL if declared.upper().startswith(("DEC", "NUM")) else ""


_PREFIX: dict[type[exp.Expr], str] = {
    exp.Count: "count",
    exp.CountIf: "count",
    exp.Sum: "sum",
    exp.Avg: "avg",
    exp.Min: "min",
    exp.Max: "max",
    exp.GroupConcat: "list",
}


def describe(value: exp.Expr) -> str:
    """A name for an expression's values: `count`, `avg_age`, `name`, or `value` where nothing better is at hand."""
    value = unbracketed(value.unalias())
    if isinstance(value, exp.Column):
        return plain(value.name)
    if isinstance(value, exp.AnyValue):
        inner = value.this.this if isinstance(value.this, exp.HavingMax) else value.this
        return describe(inner)
    for kind, prefix in _PREFIX.items():
        if isinstance(value, kind):
            inner = value.this
            if isinstance(inner, exp.Distinct):
                inner = inner.expressions[0]
                prefix = f"{prefix}_distinct"
            if isinstance(inner, exp.Column):
                return f"{prefix}_{plain(inner.name)}"
            return prefix
    if isinstance(value, exp.Grouping):
        return f"grouping_{describe(value.expressions[0])}"
    if isinstance(value, exp.Window):
        return plain(value.this.sql_name().lower()) if isinstance(value.this, exp.Func) else "value"
    if isinstance(
        value, exp.Lower | exp.Upper | exp.Cast | exp.Abs | exp.Round | exp.Substring | exp.TimeToStr | exp.Coalesce
    ):
        return describe(value.this)
    return "value"


def plain(name: str) -> str:
    """`name` with everything but letters, digits and underscores replaced, so that it needs no quotes."""
    kept = "".join(ch if ch.isascii() and (ch.isalnum() or ch == "_") else "_" for ch in name).strip("_")
    return f"c_{kept}" if not kept or kept[0].isdigit() else kept


def unique(name: str, taken: set[str]) -> str:
    """`name`, numbered if another column has it; it is added to `taken` (lower case)."""
    base, number = name, 2
    while name.lower() in taken:
        name, number = f"{base}_{number}", number + 1
    taken.add(name.lower())
    return name
