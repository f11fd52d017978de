"""FROM and JOIN: which columns their tables bring, and what USING, NATURAL and brackets do to names."""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.bind.bindings import (
    Around,
    Bindings,
    BoundSelect,
    Output,
    Shown,
    Source,
    arms,
    bound_column,
)
from pipesql.decompile.bind.names import QueryBinder
from pipesql.decompile.prepare.desugar import is_bracket
from pipesql.errors import SqlSyntaxError, UnknownName, UnsupportedSql
from pipesql.pipe.expressions import position_of
from pipesql.pipe.identifiers import identifier, suggestion, unique
from pipesql.pipe.types import REAL


class Tables:
    """Binds the sources of SELECTs and their joins' conditions."""

    def __init__(self, binder: QueryBinder) -> None:
        self.binder = binder
        self.bindings = binder.bindings

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
        """Whether values of both that are equal are the same value."""
        kind = self.bindings.kind(left)
        return kind != "" and kind == self.bindings.kind(right)

    def _merged_star(self, left: list[Shown], right: Source, merged: dict[str, exp.Expr]) -> list[Shown]:
        rest = [(o, v) for o, v in _shown(right) if o.name.lower() not in merged]
        if not self.bindings.semantics.merged_first:
            return [(o, merged.get(o.name.lower(), v)) for o, v in left] + rest
        outputs = {o.name.lower(): o for o, _ in reversed(left)}
        first = [(outputs[name], value) for name, value in merged.items()]
        return first + [(o, v) for o, v in left if o.name.lower() not in merged] + rest

    def source(self, node: exp.Expr, around: Around) -> Source:
        """A table, CTE or derived table."""
        identity = self.bindings.new_source_id()
        wanted = [c.name for c in node.args["alias"].columns] if node.args.get("alias") else []
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            source = self._table(node, identity, around)
        elif isinstance(node, exp.Subquery):
            source = self._derived(node, identity, around)
        else:
            raise UnsupportedSql(f"{node.key.upper()} in FROM", node.sql(self.bindings.semantics.dialect))
        if wanted:
            source.columns = renamed(source.columns, wanted)
            source.renamed = True
            if isinstance(node, exp.Subquery):
                rename_outputs(self.bindings, node.this, wanted)
        self.bindings.sources[identity] = source
        return source

    def _table(self, node: exp.Table, identity: str, around: Around) -> Source:
        found = around.ctes.get(node.name.lower())
        if found is not None:
            return Source(
                identity, node.alias_or_name, node, found, self.bindings.spelling[node.name.lower()], is_cte=True
            )
        table = self.bindings.schema.table(node.name)
        if table is None:
            known = suggestion(node.name, (*(t.name for t in self.bindings.schema), *around.ctes))
            raise UnknownName(f"no table {node.name} in the database: {known}", node.name, position=position_of(node))
        columns = tuple([Output(c.name, kind) for c, kind in zip(table.columns, table.kinds, strict=True)])
        if self.bindings.semantics.dialect != "sqlite":
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
        inside = self.bindings.bound(node.this)
        if inside.star is not None and self.bindings.semantics.dialect == "sqlite":
            raise UnsupportedSql("USING or NATURAL in brackets beside an outer join", "SQLite shows such columns first")
        for (_, value), shown in zip(inside.outputs, named, strict=True):
            if isinstance(value, exp.Column):
                owner = self.bindings.sources[value.table]
                source.members.setdefault(owner.alias.lower(), {})[value.name.lower()] = shown.name
                for alias, columns in owner.members.items():
                    inner = {n: shown.name for n, held in columns.items() if held == value.name}
                    source.members.setdefault(alias, {}).update(inner)
        return source


def renamed(columns: tuple[Output, ...], names: list[str]) -> tuple[Output, ...]:
    """The columns under the names of an alias's column list, which may be shorter. Raises SqlSyntaxError."""
    if len(names) > len(columns):
        raise SqlSyntaxError(f"an alias names {len(names)} columns, and its table has {len(columns)}")
    return (*(Output(n, o.kind) for n, o in zip(names, columns, strict=False)), *columns[len(names) :])


def rename_outputs(bindings: Bindings, node: exp.Expr, names: list[str]) -> None:
    """Give the items of the query's first SELECT the names of an alias's column list, where it lists them."""
    first = arms(node)[0]
    outputs = bindings.bound(first).outputs
    if bindings.schema.partial and any(item.is_star for item in first.expressions):
        return
    items: list[exp.Expr] = []
    for number, (output, value) in enumerate(outputs):
        name = names[number] if number < len(names) else output.name
        plain = isinstance(value, exp.Column) and value.name == name
        items.append(value.copy() if plain else exp.Alias(this=value.copy(), alias=identifier(name)))
    first.set("expressions", items)
    bindings.bound(first).outputs = bindings.expand(first, bindings.bound(first))


def _shown(source: Source) -> list[Shown]:
    return [(c, bound_column(source, c.name)) for c in source.columns]


def _decimal(declared: str) -> str:
    return REAL if declared.upper().startswith(("DEC", "NUM")) else ""
