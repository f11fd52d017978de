"""Terms of GROUP BY, ORDER BY and DISTINCT ON: positions and aliases give way to the outputs that they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from pipesql.decompile.bind.bound import BoundSelect, outermost
from pipesql.decompile.bind.names import Names
from pipesql.errors import UnknownName, UnsupportedSql
from pipesql.pipe.expressions import is_constant

if TYPE_CHECKING:
    from pipesql.decompile.bind.binder import Binder


class Terms:
    """Binds the terms of one SELECT, whose outputs are known."""

    def __init__(self, binder: Binder, names: Names) -> None:
        self.habits = binder.habits
        self.names = names
        self.bound: BoundSelect = names.bound

    def group(self, group: exp.Group) -> None:
        """GROUP BY: plain keys, ALL, and grouping sets, which become keys like others."""
        if group.args.get("all"):
            keys = [value.copy() for _, value in self.bound.outputs if not _computes_over_rows(value)]
            group.set("expressions", [k for k in keys if not is_constant(k)])
            return
        plain = [self._key(k) for k in group.expressions]
        for kind in ("rollup", "cube"):
            for each in group.args.get(kind) or []:
                if each.expressions:
                    plain.append(self._key(each))
                else:  # WITH ROLLUP, WITH CUBE: of all the keys
                    plain = [type(each)(expressions=plain)]
            group.set(kind, None)
        plain += [self._key(each) for each in group.args.get("grouping_sets") or []]
        group.set("grouping_sets", None)
        if group.args.get("totals"):
            raise UnsupportedSql("GROUP BY WITH TOTALS")
        group.set("expressions", plain)

    def _key(self, key: exp.Expr) -> exp.Expr:
        if isinstance(key, exp.Rollup | exp.Cube | exp.GroupingSets | exp.Tuple):
            key.set("expressions", [self._key(k) for k in key.expressions])
            return key
        if isinstance(key, exp.Paren):
            return self._key(key.this)
        return self._term(key, "group")

    def order(self, order: exp.Expr) -> None:
        """ORDER BY, ALL included: every output in turn."""
        keys = order.expressions
        if len(keys) == 1 and isinstance(keys[0].this, exp.Var) and keys[0].this.name.upper() == "ALL":
            args = keys[0].args
            everything = [exp.Ordered(**{**args, "this": value.copy()}) for _, value in self.bound.outputs]
            order.set("expressions", everything)
            return
        for key in keys:
            key.set("this", self._term(key.this, "order"))

    def first_of_each(self, node: exp.Select) -> None:
        """DISTINCT ON: of the rows with equal keys the first by ORDER BY."""
        on, order = node.args["distinct"].args["on"], node.args.get("order")
        keys = [self._term(k, "distinct") for k in list(on.expressions)]
        number = exp.Window(this=exp.RowNumber(), partition_by=keys, over="OVER")
        if order is not None:
            number.set("order", order.copy())
        first: exp.Expr = exp.EQ(this=number, expression=exp.Literal.number(1))
        node.set("distinct", None)
        if node.args.get("qualify") is not None:
            raise UnsupportedSql("QUALIFY beside DISTINCT ON")
        node.set("qualify", exp.Qualify(this=first))

    def _term(self, term: exp.Expr, clause: str) -> exp.Expr:
        """A GROUP BY or ORDER BY term: an ordinal or an alias gives way to the output that it means."""
        if isinstance(term, exp.Literal) and term.is_int:
            index = int(term.name) - 1
            if not 0 <= index < len(self.bound.outputs):
                raise UnknownName(f"there is no output column {index + 1}", term.name)
            return self.bound.outputs[index][1].copy()
        if clause in self.habits.aliases_alone_first and isinstance(term, exp.Column) and not term.table:
            meant = self.names.aliases.get(term.name.lower())
            if meant is not None:
                return meant.copy()
        holder = exp.Paren(this=term)
        self.names.enter(clause)
        self.names.bind(holder)
        return holder.this


def _computes_over_rows(value: exp.Expr) -> bool:
    """Whether the expression calls an aggregate or window function of this query."""
    return any(True for _ in outermost(value, exp.AggFunc)) or any(True for _ in outermost(value, exp.Window))
