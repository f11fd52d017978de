"""Where the operators of a decompiled query come from: the clause of the gold query, and its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from pipesql.pipe import operators as op

if TYPE_CHECKING:
    from pipesql.decompile.bind import Binder

_CLAUSES = "pipesql.clauses"
_ARGS = {"WHERE": "where", "GROUP BY": "group", "HAVING": "having", "QUALIFY": "qualify", "ORDER BY": "order"}


@dataclass(frozen=True)
class Origin:
    """What an operator was made of: the clause's name and its text, in the query's own names."""

    clause: str
    text: str


class Origins:
    """Origins by operator, as they are built. `read` must see the query before its names are bound."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.binder: Binder | None = None
        self.found: dict[int, Origin] = {}
        self.kept: list[op.Operator] = []

    def read(self, tree: exp.Expr) -> None:
        """Keep the text of every clause with the node that has it."""
        for node in tree.find_all(exp.Select, exp.SetOperation):
            clauses = {
                name: self._text(node.args[arg]) for name, arg in _ARGS.items() if node.args.get(arg) is not None
            }
            limits = [node.args[arg] for arg in ("limit", "offset") if node.args.get(arg) is not None]
            if limits:
                clauses["LIMIT"] = " ".join(self._text(part) for part in limits)
            if isinstance(node, exp.Select):
                distinct = "SELECT DISTINCT " if node.args.get("distinct") else "SELECT "
                clauses["SELECT"] = distinct + ", ".join(self._text(item) for item in node.expressions)
            node.meta[_CLAUSES] = clauses

    def note(self, operator: op.Operator, clause: str, node: exp.Expr, *parts: exp.Expr) -> None:
        """Remember that an operator came from a clause of `node`, of which `parts` are bound pieces."""
        self.kept.append(operator)  # so that its id() stays its own
        text = str(node.meta.get(_CLAUSES, {}).get(clause, ""))
        shown = [part for part in (self._shown(p) for p in parts) if part and part not in text]
        if clause == "FROM":
            text = ""
            shown = [f"FROM {s}" for s in shown]
        self.found[id(operator)] = Origin(clause, "; ".join([*([text] if text else []), *shown]))

    def _shown(self, part: exp.Expr) -> str:
        if isinstance(part, exp.Subquery):
            return f"(…) AS {part.alias}" if part.alias else "(…)"
        return self.binder.shown(part).strip() if self.binder is not None else self._text(part)

    def _text(self, node: exp.Expr) -> str:
        return str(node.sql(self.dialect, comments=False)).strip()
