"""One segment between two `|>` to its operator: the first word says which, the rest is what it takes.

The readers are in the modules `read_…`. All raise SqlSyntaxError for what is no such operator, UnsupportedSql for a
construct that is not read.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp
from sqlglot.tokens import Token

from pipesql.pipe import operators as op
from pipesql.pipe.reading.calls import read_call
from pipesql.pipe.reading.columns import (
    read_as,
    read_drop,
    read_extend,
    read_rename,
    read_select,
    read_set,
)
from pipesql.pipe.reading.effects import read_assert, read_describe, read_export, read_write
from pipesql.pipe.reading.fragment import FragmentReader
from pipesql.pipe.reading.grouping import read_aggregate
from pipesql.pipe.reading.queries import (
    SET_KINDS,
    read_fork,
    read_if,
    read_log,
    read_recursive_union,
    read_set_operation,
    read_tee,
    read_with,
)
from pipesql.pipe.reading.shapes import read_pivot, read_tablesample, read_unpivot
from pipesql.pipe.reading.tables import JOIN_WORDS, read_join


def read_operator(reader: FragmentReader, segment: list[Token]) -> op.Operator:
    """The operator that these tokens behind `|>` are."""
    head = segment[0]
    word = head.text.upper()
    read = _READERS.get(word)
    if read is not None:
        return read(reader, segment)
    if word == "MATCH_RECOGNIZE":
        raise reader.unsupported("the operator MATCH_RECOGNIZE", head)
    raise reader.error(f"{head.text} is not a pipe operator", head)


def _where(reader: FragmentReader, segment: list[Token]) -> op.Where:
    return op.Where(reader.clause(segment, "where").this)


def _order_by(reader: FragmentReader, segment: list[Token]) -> op.OrderBy:
    return op.OrderBy(tuple(reader.clause(segment, "order").expressions))


def _window(reader: FragmentReader, segment: list[Token]) -> op.Window:
    return op.Window(reader.items(segment[1:], segment[0], stars="dotted"))


def _distinct(reader: FragmentReader, segment: list[Token]) -> op.Distinct:
    reader.cursor(segment[1:], segment[0]).end()
    return op.Distinct()


def _limit(reader: FragmentReader, segment: list[Token]) -> op.Limit:
    """`LIMIT count [OFFSET offset]`: whole numbers, or constants to be computed; the count may be ALL."""
    cursor = reader.cursor(segment[1:], segment[0])
    every = cursor.word() == "ALL"
    count = cursor.until("OFFSET")
    given = cursor.accept("OFFSET")
    amount: int | exp.Expr = exp.var("ALL") if every and len(count) == 1 else _amount(reader, count, segment[0])
    return op.Limit(amount, _amount(reader, cursor.rest(), segment[0]) if given else 0)


def _amount(reader: FragmentReader, found: list[Token], head: Token) -> int | exp.Expr:
    node = reader.one(found, head)
    if isinstance(node, exp.Literal) and node.is_int:
        return int(node.name)
    if isinstance(node, exp.Column) or (isinstance(node, exp.Literal) and node.is_string):
        raise reader.error("LIMIT takes whole numbers", head)
    return node


def _join_or_set_operation(reader: FragmentReader, segment: list[Token]) -> op.Operator:
    """LEFT, FULL or INNER may start either."""
    words_then = (t.text.upper() for t in segment[1:3])
    if any(w in SET_KINDS for w in words_then):
        return read_set_operation(reader, segment)
    return read_join(reader, segment)


_READERS: dict[str, Callable[[FragmentReader, list[Token]], op.Operator]] = {
    "WHERE": _where,
    "SELECT": read_select,
    "EXTEND": read_extend,
    "SET": read_set,
    "DROP": read_drop,
    "RENAME": read_rename,
    "AGGREGATE": read_aggregate,
    "ORDER": _order_by,
    "ORDER BY": _order_by,
    "LIMIT": _limit,
    "DISTINCT": _distinct,
    "AS": read_as,
    "WINDOW": _window,
    "WITH": read_with,
    "RECURSIVE": read_recursive_union,
    "CALL": read_call,
    "TABLESAMPLE": read_tablesample,
    "PIVOT": read_pivot,
    "UNPIVOT": read_unpivot,
    "ASSERT": read_assert,
    "DESCRIBE": read_describe,
    "STATIC_DESCRIBE": read_describe,
    "LOG": read_log,
    "TEE": read_tee,
    "FORK": read_fork,
    "IF": read_if,
    "CREATE": read_write,
    "INSERT": read_write,
    "EXPORT": read_export,
    **dict.fromkeys(SET_KINDS, read_set_operation),
    "OUTER": read_set_operation,
    **dict.fromkeys(JOIN_WORDS, _join_or_set_operation),
}
