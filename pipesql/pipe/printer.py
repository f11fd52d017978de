"""Operators to canonical pipe text: one operator a line, `|> ` first, nested queries on the same line.

The text is what models are trained on and what `parse` reads back: print∘parse is the identity on it.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.depth import depth_bounded
from pipesql.pipe.identifiers import identifier
from pipesql.pipe.negation import natural
from pipesql.pipe.query import PipeQuery, nested
from pipesql.pipe.rebuild import rebuild
from pipesql.pipe.scan import dialect_named, first_line


@depth_bounded
def print_query(query: PipeQuery, dialect: str = "bigquery") -> str:
    """The whole query, one operator a line. Raises UnsupportedSql for what the dialect cannot say."""
    return "\n".join(print_operators(query, dialect))


@depth_bounded
def print_operators(query: PipeQuery, dialect: str = "bigquery") -> list[str]:
    """One text an operator; joined by line breaks they are the query. A leading WITH belongs to the first."""
    texts = [_operator(o, dialect) for o in query.operators]
    lines = [texts[0], *(f"|> {text}" for text in texts[1:])]
    if query.ctes:
        ctes = ", ".join(f"{_name(c.name, dialect)} AS ({_inline(c.query, dialect)})" for c in query.ctes)
        lines[0] = f"WITH {ctes} {lines[0]}"
    return lines


def _inline(query: PipeQuery, dialect: str) -> str:
    return " ".join(print_operators(query, dialect))


def _operator(operator: op.Operator, dialect: str) -> str:
    def text(node: exp.Expr) -> str:
        return _expression(node, dialect)

    def listed(nodes: tuple[exp.Expr, ...]) -> str:
        return ", ".join(text(n) for n in nodes)

    match operator:
        case op.From(source):
            return f"FROM {text(source)}"
        case op.Join(kind, source, on, using, _):
            head = f"{kind} JOIN".lstrip()
            tail = f" ON {text(on)}" if on is not None else ""
            if using:
                tail = f" USING ({', '.join(_name(u, dialect) for u in using)})"
            return f"{head} {text(source)}{tail}"
        case op.Where(condition):
            return f"WHERE {text(condition)}"
        case op.Extend(items):
            return f"EXTEND {listed(items)}"
        case op.Set(assignments):
            return "SET " + ", ".join(f"{_name(n, dialect)} = {text(e)}" for n, e in assignments)
        case op.Drop(names):
            return "DROP " + ", ".join(_name(n, dialect) for n in names)
        case op.Rename(pairs):
            return "RENAME " + ", ".join(f"{_name(a, dialect)} AS {_name(b, dialect)}" for a, b in pairs)
        case op.Select(items, distinct):
            return f"SELECT {'DISTINCT ' if distinct else ''}{listed(items)}"
        case op.Aggregate(items, keys):
            parts = [listed(items)] if items else []
            if keys:
                parts.append(f"GROUP BY {listed(keys)}")
            return "AGGREGATE " + " ".join(parts)
        case op.OrderBy(keys):
            return f"ORDER BY {listed(keys)}"
        case op.Limit(count, offset):
            return f"LIMIT {count}" + (f" OFFSET {offset}" if offset else "")
        case op.Distinct():
            return "DISTINCT"
        case op.SetOperation(kind, distinct, queries):
            inner = ", ".join(f"({_inline(q, dialect)})" for q in queries)
            return f"{kind} {'DISTINCT' if distinct else 'ALL'} {inner}"
        case op.As(name):
            return f"AS {_name(name, dialect)}"
        case _:
            raise UnsupportedSql(f"printing the operator {op.keyword(operator)}")


def _expression(node: exp.Expr, dialect: str) -> str:
    def inline(part: exp.Expr) -> exp.Expr | None:
        query = nested(part)
        return None if query is None else exp.Var(this=_inline(query, dialect))

    if node.find(exp.Placeholder) is not None:
        node = rebuild(node, inline)
    try:
        return dialect_named(dialect).generate(
            natural(node, dialect), normalize_functions="upper", comments=False, unsupported_level=ErrorLevel.RAISE
        )
    except SqlglotError as e:
        raise UnsupportedSql(f"a construct in {dialect}", first_line(e)) from e


def _name(name: str, dialect: str) -> str:
    quoted = identifier(name)
    return dialect_named(dialect).generate(quoted) if quoted.args["quoted"] else name
