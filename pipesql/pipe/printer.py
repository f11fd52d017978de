"""Operators to canonical pipe text: one operator a line, `|> ` first, nested queries on the same line.

The text is what models are trained on and what `parse` reads back: print∘parse is the identity on it.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.depth import depth_bounded
from pipesql.pipe.printing import rest as print_rest
from pipesql.pipe.printing.spark import for_spark
from pipesql.pipe.printing.texts import Texts
from pipesql.pipe.query import PipeQuery


@depth_bounded
def print_query(query: PipeQuery, dialect: str = "bigquery") -> str:
    """The whole query, one operator a line. Raises UnsupportedSql for what the dialect cannot say."""
    return "\n".join(print_operators(query, dialect))


@depth_bounded
def print_operators(query: PipeQuery, dialect: str = "bigquery") -> list[str]:
    """One text an operator; joined by line breaks they are the query. A leading WITH belongs to the first."""
    if dialect == "spark":
        query = for_spark(query)
    texts = Texts(dialect, _inline, _segment)
    lines = [_segment(texts, o) for o in query.operators]
    lines[1:] = [f"|> {line}" for line in lines[1:]]
    if query.ctes:
        lines[0] = f"{texts.ctes(query.ctes, query.recursive)} {lines[0]}"
    return lines


def _inline(held: PipeQuery | op.Argument, dialect: str) -> str:
    if isinstance(held, op.Argument):
        return print_rest.argument_text(held, Texts(dialect, _inline, _segment))
    return " ".join(print_operators(held, dialect))


def _segment(texts: Texts, operator: op.Operator) -> str:
    """One operator without its `|> `."""
    match operator:
        case op.From(source, joins):
            return f"FROM {texts.one(source)}" + "".join(_joined(texts, j) for j in joins)
        case op.Join():
            return _join(texts, operator)
        case op.Where(condition):
            return f"WHERE {texts.one(condition)}"
        case op.Extend(items, windows):
            return f"EXTEND {texts.listed(items)}{_windows(texts, windows)}"
        case op.Set(assignments):
            return "SET " + ", ".join(f"{texts.name(n)} = {texts.one(e)}" for n, e in assignments)
        case op.Drop(names):
            return f"DROP {texts.names(names)}"
        case op.Rename(pairs):
            return "RENAME " + ", ".join(f"{texts.name(a)} AS {texts.name(b)}" for a, b in pairs)
        case op.Select():
            return _select(texts, operator)
        case op.Aggregate():
            return _aggregate(texts, operator)
        case op.OrderBy(keys):
            return f"ORDER BY {texts.listed(keys)}"
        case op.Limit(count, offset):
            return f"LIMIT {texts.amount(count)}" + (f" OFFSET {texts.amount(offset)}" if offset else "")
        case op.Distinct():
            return "DISTINCT"
        case op.SetOperation():
            return _set_operation(texts, operator)
        case op.As(name):
            return f"AS {texts.name(name)}"
        case op.Nested(query, alias):
            return f"({texts.query(query)}){texts.alias(alias)}"
        case op.Block(query):
            return texts.one(query)
    if texts.dialect != "bigquery":
        raise UnsupportedSql(f"printing the operator {op.keyword(operator)} in {texts.dialect}")
    return print_rest.segment(texts, operator)


def _joined(texts: Texts, join: op.Join) -> str:
    """A join inside FROM."""
    return f", {texts.one(join.source)}" if join.kind == "COMMA" else f" {_join(texts, join)}"


def _join(texts: Texts, join: op.Join) -> str:
    natural = "NATURAL " if join.natural else ""
    head = f"{natural}{join.kind} JOIN".lstrip().replace("  ", " ")
    if join.on is not None:
        return f"{head} {texts.one(join.source)} ON {texts.one(join.on)}"
    using = f" USING ({texts.names(join.using)})" if join.using else ""
    return f"{head} {texts.one(join.source)}{using}"


def _windows(texts: Texts, windows: tuple[exp.Expr, ...]) -> str:
    return f" WINDOW {texts.listed(windows)}" if windows else ""


def _select(texts: Texts, select: op.Select) -> str:
    distinct = " DISTINCT" if select.distinct else ""
    shape = f" AS {select.shape}" if select.shape else ""
    return f"SELECT{distinct}{shape} {texts.listed(select.items)}{_windows(texts, select.windows)}"


def _aggregate(texts: Texts, aggregate: op.Aggregate) -> str:
    parts = ["AGGREGATE"]
    if aggregate.items:
        parts.append(_suffixed(texts, aggregate.items, aggregate.item_order))
    if aggregate.keys:
        parts.append("GROUP AND ORDER BY" if aggregate.and_order else "GROUP BY")
        parts.append(_suffixed(texts, aggregate.keys, aggregate.key_order))
    return " ".join(parts)


def _suffixed(texts: Texts, items: tuple[exp.Expr, ...], order: tuple[op.Suffix | None, ...]) -> str:
    shown = [_key(texts, item) for item in items]
    return ", ".join(s + _suffix(o) for s, o in zip(shown, order, strict=True)) if order else ", ".join(shown)


def _key(texts: Texts, key: exp.Expr) -> str:
    for kind, word in ((exp.Rollup, "ROLLUP"), (exp.Cube, "CUBE"), (exp.GroupingSets, "GROUPING SETS")):
        if isinstance(key, kind):
            return f"{word} ({', '.join(_key(texts, k) for k in key.expressions)})"
    return texts.one(key)


def _suffix(suffix: op.Suffix | None) -> str:
    if suffix is None:
        return ""
    direction = "" if suffix.desc is None else " DESC" if suffix.desc else " ASC"
    nulls = "" if suffix.nulls_first is None else " NULLS FIRST" if suffix.nulls_first else " NULLS LAST"
    return direction + nulls


def _set_operation(texts: Texts, operation: op.SetOperation) -> str:
    head = [operation.side, operation.kind, "DISTINCT" if operation.distinct else "ALL"]
    head += ["STRICT" if operation.strict else "", texts.matching(operation.matching, operation.on)]
    return " ".join(word for word in head if word) + " " + ", ".join(f"({texts.query(q)})" for q in operation.queries)
