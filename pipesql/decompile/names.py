"""Names in the expressions of one SELECT, looked up by SQLite's rules and bound in place."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from pipesql.decompile.bound import BoundSelect, Source
from pipesql.errors import UnknownName, UnsupportedSql

_ROWID = frozenset({"rowid", "oid", "_rowid_"})


class Names:
    """Looks names up for one SELECT: its sources, then its output aliases, then the queries around it.

    `outer` are the SELECTs around it, outermost first; `nested_query` binds a query that stands in an expression.
    """

    def __init__(
        self, bound: BoundSelect, outer: tuple[BoundSelect, ...], nested_query: Callable[[exp.Expr], object]
    ) -> None:
        self.bound = bound
        self.outer = outer
        self.nested_query = nested_query
        self.aliases: dict[str, exp.Expr] = {}

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
            else:
                stack.extend(node.iter_expressions())

    def _column(self, node: exp.Column) -> None:
        name, qualifier = node.name, node.table
        star = isinstance(node.this, exp.Star)
        for depth, bound in enumerate((self.bound, *reversed(self.outer))):
            for source in bound.sources:
                if qualifier and source.alias.lower() != qualifier.lower():
                    continue
                if star or (source.find(name) and (qualifier or name.lower() not in source.hidden)):
                    _set(node, source, name, star)
                    return
            if depth == 0 and not qualifier and name.lower() in self.aliases:
                node.replace(_bracketed(self.aliases[name.lower()].copy()))
                return
        self._unbound(node, name, qualifier)

    def _unbound(self, node: exp.Column, name: str, qualifier: str) -> None:
        """A name that names nothing: `"x"` is a string to SQLite, anything else an error."""
        if not qualifier and node.this.args.get("quoted"):
            if any(self._is_text_of_an_output(name, bound) for bound in (self.bound, *self.outer)):
                raise UnsupportedSql("a column named by the text of its expression", f"give {name} an alias")
            node.replace(exp.Literal.string(name))
            return
        if name.lower() in _ROWID:
            raise UnsupportedSql("rowid", "it is no column of the table")
        shown = f"{qualifier}.{name}" if qualifier else name
        raise UnknownName(f"no column {shown} in the tables of this query", name)

    @staticmethod
    def _is_text_of_an_output(name: str, bound: BoundSelect) -> bool:
        """SQLite calls an unnamed output by its text as it was written; ours may be spaced otherwise."""
        texts = (_squeezed(c.name) for s in bound.sources if not s.table for c in s.columns)
        return _squeezed(name) in texts


def _squeezed(text: str) -> str:
    """The text without space, case and the ids of sources."""
    first, *rest = text.split("§")
    return "".join([first, *(part.partition(".")[2] for part in rest)]).replace(" ", "").lower()


def _set(node: exp.Column, source: Source, name: str, star: bool) -> None:
    if not star:
        found = source.find(name)
        assert found is not None
        node.set("this", exp.Identifier(this=found.name, quoted=False))
    node.set("db", None)
    node.set("table", exp.Identifier(this=source.id, quoted=False))


def _bracketed(value: exp.Expr) -> exp.Expr:
    return exp.Paren(this=value) if isinstance(value, exp.Binary | exp.Unary) else value
