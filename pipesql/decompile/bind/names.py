"""Names in the expressions of one SELECT, looked up by the dialect's rules and bound in place.

In GROUP BY, ORDER BY and DISTINCT ON, positions and aliases give way to the outputs that they mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlglot import exp

from pipesql.decompile.bind.bindings import WRITTEN, Around, Bindings, BoundSelect, Output, Source
from pipesql.errors import SqlSyntaxError, UnknownName, UnsupportedSql
from pipesql.pipe.expressions import is_constant, outermost, position_of
from pipesql.pipe.identifiers import suggestion
from pipesql.pipe.schema import REST

_ROWID = frozenset({"rowid", "oid", "_rowid_"})


class Names:
    """Looks names up for one SELECT: its sources, then its output aliases, then the queries around it.

    `outer` are the SELECTs around it, outermost first; `nested_query` binds a query that stands in an expression.
    """

    def __init__(
        self,
        bindings: Bindings,
        bound: BoundSelect,
        outer: tuple[BoundSelect, ...],
        nested_query: Callable[[exp.Expr], object],
    ) -> None:
        self.bindings = bindings
        self.semantics = bindings.semantics
        self.bound = bound
        self.outer = outer
        self.nested_query = nested_query
        self.aliases: dict[str, exp.Expr] = {}
        self.sight: dict[str, exp.Expr] = {}
        self.aliases_first = False

    def enter(self, clause: str) -> None:
        """From here on the expressions of this clause are bound."""
        self.sight = self.aliases if clause in self.semantics.aliases_in else {}
        self.aliases_first = clause in self.semantics.aliases_first

    def bind(self, holder: exp.Expr, only: exp.Expr | None = None) -> None:
        """Bind everything below `holder` (or below its child `only`) in place. Raises UnknownName, UnsupportedSql."""
        stack = [only] if only is not None else list(holder.iter_expressions())
        if isinstance(holder, exp.Column):
            stack = [holder]
        while stack:
            node = stack.pop()
            if isinstance(node, exp.Column):
                self._column(node)
            elif isinstance(node, exp.Query | exp.Subquery):
                self.nested_query(node)
            elif isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
                raise SqlSyntaxError("* cannot stand inside an expression")
            else:
                stack.extend(node.iter_expressions())

    def _column(self, node: exp.Column) -> None:
        name, qualifier = node.name, node.table
        lower = name.lower()
        if self.aliases_first and not qualifier and lower in self.sight:
            node.replace(_bracketed(self.sight[lower].copy()))
            return
        star = isinstance(node.this, exp.Star)
        for depth, bound in enumerate((self.bound, *reversed(self.outer))):
            if bound.coalesced and not qualifier and lower in bound.coalesced:
                node.replace(bound.coalesced[lower].copy())
                return
            for source in bound.sources:
                if qualifier and source.alias.lower() != qualifier.lower():
                    inner = source.find_in(qualifier, name) if source.members else None
                    if inner is None:
                        continue
                    self._set(node, source, inner, star)
                    return
                found = source.find(name)
                if star or (found is not None and (qualifier or lower not in source.hidden)):
                    self._set(node, source, found, star)
                    return
            if depth == 0 and not qualifier and lower in self.sight:
                node.replace(_bracketed(self.sight[lower].copy()))
                return
        self._unbound(node, name, qualifier)

    def _unbound(self, node: exp.Column, name: str, qualifier: str) -> None:
        """A name that names nothing: the rowid, or `"x"`, which is a string to SQLite; anything else is an error."""
        if self.semantics.texts_in_double_quotes and name.lower() in _ROWID and self._rowid(node, qualifier):
            return
        if self.semantics.texts_in_double_quotes and not qualifier and node.this.args.get("quoted"):
            if any(self._is_text_of_an_output(name, bound) for bound in (self.bound, *self.outer)):
                raise UnsupportedSql("a column named by the text of its expression", f"give {name} an alias")
            node.replace(exp.Literal.string(name))
            return
        sources = [source for bound in (self.bound, *reversed(self.outer)) for source in bound.sources]
        named = [source for source in sources if not qualifier or source.alias.lower() == qualifier.lower()]
        if qualifier and not named:
            what, hint = f"table or alias {qualifier}", suggestion(qualifier, [source.alias for source in sources])
        else:
            shown = f"{qualifier}.{name}" if qualifier else name
            columns = [c.name for source in named for c in source.columns if c.name != REST]
            what, hint = f"column {shown}", suggestion(name, columns)
        raise UnknownName(f"no {what} in this query: {hint}", name, position=position_of(node))

    def _rowid(self, node: exp.Column, qualifier: str) -> bool:
        """The rowid is a table's INTEGER PRIMARY KEY, if it has one (https://sqlite.org/rowidtable.html)."""
        for bound in (self.bound, *reversed(self.outer)):
            for source in bound.sources:
                if not isinstance(source.node, exp.Table) or (qualifier and source.alias.lower() != qualifier.lower()):
                    continue
                key = source.find(self.bindings.rowid(source))
                if key is None:
                    raise UnsupportedSql("rowid", f"{source.table} has no INTEGER PRIMARY KEY, which it would be")
                self._set(node, source, key, False)
                return True
        return False

    def _set(self, node: exp.Column, source: Source, found: Output | None, star: bool) -> None:
        if not star:
            assert found is not None
            if self.bindings.note_written:
                node.meta[WRITTEN] = (node.name, node.table)
            node.set("this", exp.Identifier(this=found.name, quoted=False))
        node.set("db", None)
        node.set("table", exp.Identifier(this=source.id, quoted=False))

    @staticmethod
    def _is_text_of_an_output(name: str, bound: BoundSelect) -> bool:
        """SQLite calls an unnamed output by its text as written; our text may be spaced differently."""
        texts = (_squeezed(c.name) for s in bound.sources if not s.table for c in s.columns)
        return _squeezed(name) in texts


def _squeezed(text: str) -> str:
    """The text without space, case and the ids of sources."""
    first, *rest = text.split("§")
    return "".join([first, *(part.partition(".")[2] for part in rest)]).replace(" ", "").lower()


def _bracketed(value: exp.Expr) -> exp.Expr:
    return exp.Paren(this=value) if isinstance(value, exp.Binary | exp.Unary) else value


class Terms:
    """Binds the terms of one SELECT, whose outputs are known."""

    def __init__(self, names: Names) -> None:
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
                count = len(self.bound.outputs)
                raise UnknownName(f"{clause.upper()} BY {index + 1}: output columns count from 1 to {count}", term.name)
            return self.bound.outputs[index][1].copy()
        if clause in self.names.semantics.aliases_alone_first and isinstance(term, exp.Column) and not term.table:
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


class QueryBinder(Protocol):
    """What binding a part of a query needs of the binder of the whole."""

    bindings: Bindings

    def query(self, node: exp.Expr, around: Around) -> list[Output]:
        """Bind a query that stands in this one; gives its output columns."""

    def names(self, bound: BoundSelect, around: Around) -> Names:
        """The look-up of names for a SELECT."""
