"""Names in a standard query that a pipe query starts with (`op.Block`), by GoogleSQL's rules for its clauses.

WHERE sees the tables. A bare name in GROUP BY is first an output's alias, then a table's column. In HAVING, QUALIFY and
ORDER BY the aliases hide columns and range variables of the same name, also inside functions. A number in GROUP BY or
ORDER BY is the place of an output. What stands beside an aggregate must be grouped by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlglot import exp

from pipesql.errors import SqlError, UnknownName, UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.expressions import unbracketed
from pipesql.pipe.query import PipeQuery, nested
from pipesql.pipe.resolving import block
from pipesql.pipe.resolving.block import BlockCombination, BlockMeaning, BlockSelect, Computed, Relation
from pipesql.pipe.resolving.grouping import own_aggregates, require_flat, require_grouped
from pipesql.pipe.resolving.names import Names
from pipesql.pipe.resolving.resolved import Resolved
from pipesql.pipe.resolving.shorthand import taken_apart
from pipesql.pipe.scope import Scope, ScopeColumn


class Surroundings(Protocol):
    """What a block needs of the resolver of the pipe query that it stands in."""

    names: Names
    out: Resolved

    def source(self, node: exp.Expr) -> Scope:
        """The scope of one table."""

    def join(self, operator: op.Join, scope: Scope) -> Scope:
        """The scope after a JOIN."""

    def combine(self, operator: op.SetOperation, scope: Scope) -> Scope:
        """The scope after a set operation."""


def resolve_block(query: exp.Query, around: Surroundings) -> Scope:
    """The scope after the block; its meaning is noted in `around.out.blocks`. Raises UnknownName or SqlError."""
    meaning = _Blocks(around).query(query)
    around.out.blocks[id(query)] = meaning
    return Scope(meaning.outputs, {}, bool(meaning.order))


class _Blocks:
    """Resolves the SELECTs and set operations of one block."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.names = around.names
        self.out = around.out

    def query(self, node: exp.Expr) -> BlockMeaning:
        """A SELECT, a set operation, or a query in brackets as the first one of a set operation."""
        match node:
            case exp.Select():
                return self.select(node)
            case exp.SetOperation():
                return self.combination(node)
            case exp.Subquery() if nested(node.this) is not None:
                block.require_known(node)
                scope = self.around.source(node)
                relation = Relation(op.From(node), Scope(()), scope)
                return BlockSelect(exp.Select(), (relation,), (), self._shown(scope.columns))
        raise UnsupportedSql(f"{node.key.upper()} as a standard query", node.sql("bigquery")[:60])

    def combination(self, node: exp.SetOperation) -> BlockCombination:
        """Both arms, then ORDER BY and LIMIT of the whole, which see the output columns only."""
        block.require_known(node)
        left, right = self.query(node.this), node.expression
        inner = nested(right.this) if isinstance(right, exp.Subquery) else None
        operation = block.combination(node, inner or PipeQuery((op.Block(right),)))
        before = Scope(self._shown(left.outputs))
        after = self.around.combine(operation, before)
        order = self._order(node, after.columns, lambda key: self.names.scalar(key, after, "ORDER BY"))
        return BlockCombination(left, operation, before, after, order, *block.cut(node))

    def select(self, node: exp.Select) -> BlockSelect:
        """One SELECT, clause by clause."""
        block.require_known(node)
        if node.args.get("windows"):
            node = block.without_window_names(node)
        relations = self._relations(node)
        scope = relations[-1].after if relations else Scope(())
        where, group, having = (node.args.get(k) for k in ("where", "group", "having"))
        if not relations and any(node.args.get(k) for k in ("where", "group", "having", "qualify", "order")):
            raise SqlError("a SELECT without FROM takes no WHERE, GROUP BY or ORDER BY")
        if where is not None:
            self.names.scalar(where.this, scope, "WHERE", windows=False)
        outputs, computed = self._items(node.expressions, scope)
        keys = self._keys(group, node.expressions, outputs, scope)
        if group is not None and group.args.get("all"):
            keys = self._all_keys(outputs, computed)
        grouped = group is not None or any(own_aggregates(value) for _, value in computed)
        if having is not None and not grouped:
            raise SqlError("HAVING needs GROUP BY, or an aggregate function in SELECT")
        overlay = _overlay(outputs, scope)

        def resolve_late(part: exp.Expr, clause: str = "ORDER BY") -> None:
            self.names.scalar(part, overlay, clause, aggregates=True, windows=clause != "HAVING")
            require_flat(part, computed, self.out, clause)

        for clause in ("having", "qualify"):
            if node.args.get(clause) is not None:
                resolve_late(node.args[clause].this, clause.upper())
        order = self._order(node, outputs, resolve_late)
        distinct = node.args.get("distinct") is not None
        meaning = BlockSelect(node, relations, computed, outputs, grouped, keys, distinct, order, *block.cut(node))
        if grouped:
            require_grouped(meaning, scope, self.out)
        if distinct:
            self._require_shown(meaning)
        return meaning

    def _relations(self, node: exp.Select) -> tuple[Relation, ...]:
        """FROM and its joins, from left to right."""
        out: list[Relation] = []
        for operator in (part for table in block.tables(node) for part in self._plain(table)):
            before = out[-1].after if out else Scope(())
            if isinstance(operator, op.Join):
                after = self.around.join(operator, before)
            else:
                after = self.around.source(operator.source)
            out.append(Relation(operator, before, after))
        return tuple(out)

    def _plain(self, operator: op.From | op.Join) -> list[op.From | op.Join]:
        """The operator, joins in brackets taken apart."""
        source = operator.source
        bracketed = isinstance(source, exp.Subquery) and isinstance(source.this, exp.Table)
        if isinstance(operator, op.From) and not bracketed:
            return [operator]
        steps = taken_apart(operator, Scope(()), self.names)
        parts = [operator] if steps is None else list(steps)
        return [part for part in parts if isinstance(part, op.From | op.Join)]

    def _shown(self, columns: tuple[ScopeColumn, ...]) -> tuple[ScopeColumn, ...]:
        """Columns that must not be left out, whatever the operators after the block name."""
        self.out.uses[-1] |= set(columns)
        return columns

    def _items(self, items: list[exp.Expr], scope: Scope) -> tuple[tuple[ScopeColumn, ...], Computed]:
        """The output columns, and the expressions of those that are computed or renamed."""
        outputs: list[ScopeColumn] = []
        computed: list[tuple[ScopeColumn, exp.Expr]] = []
        own = set(scope.columns).union(*(v.columns for v in scope.variables.values()))
        for item in items:
            value = item.unalias()
            if isinstance(value, exp.Star) or (isinstance(value, exp.Column) and isinstance(value.this, exp.Star)):
                outputs.extend(self.names.items((item,), scope, "SELECT"))
                continue
            self.names.scalar(value, scope, "SELECT", aggregates=True)
            column = self.out.columns.get(id(value))
            if column in own and item.alias_or_name == column.name:
                outputs.append(column)
                continue
            kind, origin = (self.out.kind(value), None) if column is None else (column.kind, column.origin)
            outputs.append(ScopeColumn(item.alias or (column.name if column is not None else ""), kind, origin))
            computed.append((outputs[-1], value))
        return self._shown(tuple(outputs)), tuple(computed)

    def _keys(
        self, group: exp.Expr | None, items: list[exp.Expr], outputs: tuple[ScopeColumn, ...], scope: Scope
    ) -> tuple[exp.Expr, ...]:
        """GROUP BY: numbers and aliases give way to what they stand for."""
        if group is None or (len(group.expressions) == 1 and block.is_empty(group.expressions[0])):
            return ()
        aliases = {i.alias.lower(): i.unalias() for i in items if i.alias}
        keys = []
        for key in group.expressions:
            bare = unbracketed(key)
            if isinstance(bare, exp.Literal) and bare.is_int:
                if len(items) != len(outputs) or items[_place(bare, outputs)].is_star:
                    raise UnsupportedSql("GROUP BY of a place beside *", "name the column")
                keys.append(items[_place(bare, outputs)].unalias())
            elif isinstance(bare, exp.Column) and not bare.table and bare.name.lower() in aliases:
                keys.append(aliases[bare.name.lower()])
            elif isinstance(key, exp.Rollup | exp.Cube | exp.GroupingSets | exp.Tuple):
                raise UnsupportedSql(f"GROUP BY {key.key.upper()} in a standard query", "write |> AGGREGATE")
            elif isinstance(bare, exp.Literal | exp.Null | exp.Boolean):
                raise SqlError("GROUP BY takes columns and expressions, not constants")
            else:
                self.names.scalar(key, scope, "GROUP BY", windows=False)
                keys.append(key)
            if own_aggregates(keys[-1]) or keys[-1].find(exp.Window):
                raise SqlError("GROUP BY takes no aggregate or window function")
        return tuple(keys)

    def _all_keys(self, outputs: tuple[ScopeColumn, ...], computed: Computed) -> tuple[exp.Expr, ...]:
        """GROUP BY ALL: what is shown and neither aggregates nor is constant."""
        values = dict(computed)
        keys = []
        for output in outputs:
            value = values.get(output)
            if value is None:
                value = exp.column(output.name)
                self.out.columns[id(value)] = output
            if value.find(exp.Column) and not own_aggregates(value) and not value.find(exp.Window):
                keys.append(value)
        return tuple(keys)

    def _order(
        self, node: exp.Expr, outputs: tuple[ScopeColumn, ...], resolve: Callable[[exp.Expr], None]
    ) -> tuple[exp.Ordered, ...]:
        """ORDER BY: a number gives way to a column that is known to be that output."""
        order = node.args.get("order")
        keys = []
        for key in order.expressions if order is not None else ():
            value = unbracketed(key.this)
            if isinstance(value, exp.Literal) and value.is_int:
                output = outputs[_place(value, outputs)]
                value = exp.column(output.name or "value")
                self.out.columns[id(value)] = output
                key = exp.Ordered(**{**key.args, "this": value})
            else:
                resolve(key)
            keys.append(key)
        return tuple(keys)

    def _require_shown(self, meaning: BlockSelect) -> None:
        """SELECT DISTINCT is sorted by what it shows, under its own name or another."""
        columns = self.out.columns
        renamed = {columns[id(value)]: output for output, value in meaning.computed if id(value) in columns}
        for key in meaning.order:
            for column in key.find_all(exp.Column):
                found = columns[id(column)]
                if found in renamed and found not in meaning.outputs:
                    columns[id(column)] = renamed[found]
                elif found not in {*meaning.outputs, *self.out.outer}:
                    shown = column.sql("bigquery")
                    raise UnknownName(f"ORDER BY {shown}: SELECT DISTINCT does not show it", column.name)


def _overlay(outputs: tuple[ScopeColumn, ...], scope: Scope) -> Scope:
    """What HAVING, QUALIFY and ORDER BY see: output names, then what they do not hide."""
    named = {c.name.lower() for c in outputs if c.name}
    rest = tuple(c for c in scope.columns if c.name.lower() not in named)
    return Scope((*outputs, *rest), {k: v for k, v in scope.variables.items() if k not in named})


def _place(literal: exp.Literal, outputs: tuple[ScopeColumn, ...]) -> int:
    place = int(literal.name)
    if not 1 <= place <= len(outputs):
        raise UnknownName(
            f"{place} is not the place of an output column: they count from 1 to {len(outputs)}", literal.name
        )
    return place - 1
