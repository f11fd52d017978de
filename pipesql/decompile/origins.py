"""Where the operators of a converted query come from: the clause of the standard query, and its text."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from pipesql.decompile.bind.bindings import Bindings
from pipesql.pipe import operators as op

_CLAUSES = "pipesql.clauses"
_ARGS = {"WHERE": "where", "GROUP BY": "group", "HAVING": "having", "QUALIFY": "qualify", "ORDER BY": "order"}


@dataclass(frozen=True)
class Origin:
    """What an operator was made from: the clause's name, and its text in the query's own names."""

    clause: str
    text: str


class Origins:
    """Origins by operator, noted as operators are built. `read` must see the query before its names are bound."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.bindings: Bindings | None = None
        self.found: dict[int, Origin] = {}
        self.kept: list[op.Operator] = []

    def of(self, operator: op.Operator) -> Origin:
        """Where an operator comes from."""
        return self.found.get(id(operator), Origin("", ""))

    def read(self, tree: exp.Expr) -> None:
        """Keep the text of every clause with the node that has it."""
        for node in tree.find_all(exp.Select, exp.SetOperation, exp.CTE):
            clauses = {
                name: self._text(node.args[arg]) for name, arg in _ARGS.items() if node.args.get(arg) is not None
            }
            limits = [node.args[arg] for arg in ("limit", "offset") if node.args.get(arg) is not None]
            if limits:
                clauses["LIMIT"] = " ".join(self._text(part) for part in limits)
            if isinstance(node, exp.Select):
                distinct = "DISTINCT " if node.args.get("distinct") else ""
                clauses["SELECT"] = f"SELECT {distinct}" + ", ".join(self._text(item) for item in node.expressions)
            elif isinstance(node, exp.CTE):
                clauses["WITH"] = self._text(node.args["alias"])
            else:
                every = "" if node.args.get("distinct") else " ALL"
                clauses[node.key.upper()] = f"{node.key.upper()}{every} {self._text(node.expression)}"
            node.meta[_CLAUSES] = clauses

    def note(self, operator: op.Operator, clause: str, node: exp.Expr, *parts: exp.Expr) -> None:
        """Remember that an operator came from a clause of `node`, or from these bound parts of it."""
        self.kept.append(operator)  # so that its id() stays its own
        text = str(node.meta.get(_CLAUSES, {}).get(clause, ""))
        shown = list(dict.fromkeys(self._shown(part) for part in parts))
        if clause == "GROUP BY":
            shown = [s for s in shown if s not in text]
            text = f"{', '.join(shown)} {text}".strip()
        elif clause in ("FROM", "JOIN", "SELECT") and shown:
            text = ("FROM " if clause == "FROM" else "") + ", ".join(shown)
        elif shown:
            text = "; ".join([*shown, *([text] if text else [])])
        self.found[id(operator)] = Origin(clause + _place(node), text)

    def _shown(self, part: exp.Expr) -> str:
        if isinstance(part, exp.Subquery):
            return f"(…) AS {part.alias}" if part.alias else "(…)"
        return self._text(part) if self.bindings is None else self.bindings.unbound(part).strip()

    def _text(self, node: exp.Expr) -> str:
        return str(node.sql(self.dialect, comments=False)).strip()


def _place(node: exp.Expr) -> str:
    """The named query that the clause stands in, if that is not the outermost one."""
    inner: exp.Expr | None = node
    while inner is not None and not isinstance(inner, exp.CTE):
        if isinstance(inner, exp.Subquery) and inner.alias:
            return f" of {inner.alias}"
        inner = inner.parent
    return f" of {inner.alias}" if inner is not None else ""
