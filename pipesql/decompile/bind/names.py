"""Names in the expressions of one SELECT, looked up by the dialect's rules and bound in place."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from pipesql.decompile.bind.bound import BoundSelect, Output, Source
from pipesql.decompile.habits import Habits
from pipesql.errors import SqlSyntaxError, UnknownName, UnsupportedSql

WRITTEN = "pipesql.written"
"""Where a bound column keeps the name and the qualifier that the query gave it."""

_ROWID = frozenset({"rowid", "oid", "_rowid_"})


class Names:
    """Looks names up for one SELECT: its sources, then its output aliases, then the queries around it.

    `outer` are the SELECTs around it, outermost first; `nested_query` binds a query that stands in an expression.
    """

    def __init__(
        self,
        bound: BoundSelect,
        outer: tuple[BoundSelect, ...],
        nested_query: Callable[[exp.Expr], object],
        habits: Habits,
        rowid_of: Callable[[Source], str],
        note_written: bool,
    ) -> None:
        self.bound = bound
        self.outer = outer
        self.nested_query = nested_query
        self.habits = habits
        self.rowid_of = rowid_of
        self.note_written = note_written
        self.aliases: dict[str, exp.Expr] = {}
        self.sight: dict[str, exp.Expr] = {}
        self.aliases_first = False

    def enter(self, clause: str) -> None:
        """From here on the expressions of this clause are bound."""
        self.sight = self.aliases if clause in self.habits.aliases_in else {}
        self.aliases_first = clause in self.habits.aliases_first

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
        if self.habits.texts_in_double_quotes and name.lower() in _ROWID and self._rowid(node, qualifier):
            return
        if self.habits.texts_in_double_quotes and not qualifier and node.this.args.get("quoted"):
            if any(self._is_text_of_an_output(name, bound) for bound in (self.bound, *self.outer)):
                raise UnsupportedSql("a column named by the text of its expression", f"give {name} an alias")
            node.replace(exp.Literal.string(name))
            return
        shown = f"{qualifier}.{name}" if qualifier else name
        raise UnknownName(f"no column {shown} in the tables of this query", name)

    def _rowid(self, node: exp.Column, qualifier: str) -> bool:
        """The rowid is a table's INTEGER PRIMARY KEY, if it has one (https://sqlite.org/rowidtable.html)."""
        for bound in (self.bound, *reversed(self.outer)):
            for source in bound.sources:
                if not isinstance(source.node, exp.Table) or (qualifier and source.alias.lower() != qualifier.lower()):
                    continue
                key = source.find(self.rowid_of(source))
                if key is None:
                    raise UnsupportedSql("rowid", f"{source.table} has no INTEGER PRIMARY KEY, which it would be")
                self._set(node, source, key, False)
                return True
        return False

    def _set(self, node: exp.Column, source: Source, found: Output | None, star: bool) -> None:
        if not star:
            assert found is not None
            if self.note_written:
                node.meta[WRITTEN] = (node.name, node.table)
            node.set("this", exp.Identifier(this=found.name, quoted=False))
        node.set("db", None)
        node.set("table", exp.Identifier(this=source.id, quoted=False))

    @staticmethod
    def _is_text_of_an_output(name: str, bound: BoundSelect) -> bool:
        """SQLite calls an unnamed output by its text as it was written; ours may be spaced otherwise."""
        texts = (_squeezed(c.name) for s in bound.sources if not s.table for c in s.columns)
        return _squeezed(name) in texts


def _squeezed(text: str) -> str:
    """The text without space, case and the ids of sources."""
    first, *rest = text.split("§")
    return "".join([first, *(part.partition(".")[2] for part in rest)]).replace(" ", "").lower()


def _bracketed(value: exp.Expr) -> exp.Expr:
    return exp.Paren(this=value) if isinstance(value, exp.Binary | exp.Unary) else value
