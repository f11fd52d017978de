"""The constructs of a gold query, by which reports count how common they are and where pairs are lost."""

from __future__ import annotations

from sqlglot import exp

_CLAUSES = (("where", "WHERE"), ("group", "GROUP BY"), ("having", "HAVING"), ("order", "ORDER BY"), ("limit", "LIMIT"))
_NODES: tuple[tuple[str, tuple[type[exp.Expr], ...]], ...] = (
    ("WITH", (exp.With,)),
    ("UNION", (exp.Union,)),
    ("INTERSECT", (exp.Intersect,)),
    ("EXCEPT", (exp.Except,)),
    ("EXISTS", (exp.Exists,)),
    ("aggregate", (exp.AggFunc,)),
    ("window", (exp.Window,)),
    ("CASE", (exp.Case, exp.If)),
    ("CAST", (exp.Cast,)),
    ("LIKE", (exp.Like, exp.Glob)),
    ("OR", (exp.Or,)),
    ("arithmetic", (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)),
)


def constructs(tree: exp.Expr) -> tuple[str, ...]:
    """The constructs of a parsed query, nested queries included, in a fixed order."""
    found = set()
    for select in tree.find_all(exp.Select):
        found |= set(_of_select(select))
    found |= {name for name, kinds in _NODES if tree.find(*kinds)}
    found |= {_place(query) for query in tree.find_all(exp.Subquery, exp.In) if _place(query)}
    return tuple(name for name in ORDER if name in found)


def _of_select(select: exp.Select) -> list[str]:
    found = [name for clause, name in _CLAUSES if select.args.get(clause) is not None]
    for join in select.args.get("joins") or ():
        outer = str(join.args.get("side") or "")
        found.append(f"{outer} JOIN" if outer else "JOIN")
    tables = [t.name.lower() for t in select.find_all(exp.Table) if t.parent_select is select]
    if len(tables) != len(set(tables)):
        found.append("self join")
    if select.args.get("distinct") is not None:
        found.append("DISTINCT")
    return found


def _place(node: exp.Expr) -> str:
    """The role of a query in brackets; empty if `node` is not one."""
    if isinstance(node, exp.In):
        return "IN (query)" if node.args.get("query") is not None else ""
    if isinstance(node.parent, exp.From | exp.Join):
        return "query in FROM"
    return "" if isinstance(node.parent, exp.In | exp.SetOperation | exp.Exists) else "scalar query"


ORDER = (
    "JOIN",
    "LEFT JOIN",
    "RIGHT JOIN",
    "FULL JOIN",
    "self join",
    "WHERE",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT",
    "DISTINCT",
    "aggregate",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "query in FROM",
    "IN (query)",
    "EXISTS",
    "scalar query",
    "WITH",
    "window",
    "CASE",
    "CAST",
    "LIKE",
    "OR",
    "arithmetic",
)
"""The constructs in the order in which reports name them."""
