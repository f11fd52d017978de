"""Named windows (`WINDOW w AS (…)`) put in the places where they are named: every engine knows the result."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from pipesql.errors import SqlError, UnknownName
from pipesql.pipe.rebuild import rebuild

_CLAUSES = ("partition_by", "order", "spec")


def without_names(items: tuple[exp.Expr, ...], windows: tuple[exp.Expr, ...]) -> tuple[exp.Expr, ...]:
    """The items with `OVER w` and `OVER (w …)` written out. Raises SqlError for a name given twice or never."""
    known: dict[str, dict[str, Any]] = {}
    for window in windows:
        name = window.this.name
        if name.lower() in known:
            raise SqlError(f"two windows are called {name}: rename one")
        known[name.lower()] = _clauses(window, known)

    def written_out(node: exp.Expr) -> exp.Expr | None:
        if not isinstance(node, exp.Window) or node.args.get("alias") is None:
            return None
        rest = {k: v for k, v in node.args.items() if k not in (*_CLAUSES, "alias", "this")}
        return exp.Window(this=rebuild(node.this, written_out), **rest, **_copied(_clauses(node, known)))

    return tuple(rebuild(item, written_out) if _names_window(item) else item for item in items)


def _names_window(item: exp.Expr) -> bool:
    return any(w.args.get("alias") is not None for w in item.find_all(exp.Window))


def _clauses(window: exp.Expr, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """PARTITION BY, ORDER BY and the frame, those of the window that it starts from included."""
    base = window.args.get("alias")
    clauses = {k: v for k in _CLAUSES if (v := window.args.get(k))}
    if base is None:
        return clauses
    found = known.get(base.name.lower())
    if found is None:
        raise UnknownName(f"no window {base.name} here: there are {', '.join(known) or 'none'}", base.name)
    repeated = sorted(found.keys() & clauses.keys())
    if repeated or "partition_by" in clauses:
        raise SqlError(f"a window that starts from {base.name} cannot say {(repeated or ['partition_by'])[0]} again")
    return {**found, **clauses}


def _copied(clauses: dict[str, Any]) -> dict[str, Any]:
    return {k: [v.copy() for v in value] if isinstance(value, list) else value.copy() for k, value in clauses.items()}
