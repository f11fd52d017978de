"""SELECT, EXTEND, WINDOW, SET, DROP, RENAME and AS: the columns of the table so far."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.reading.fragment import FragmentReader, words

_SELECT = {"expressions", "distinct", "kind"}


def read_select(reader: FragmentReader, segment: list[Token]) -> op.Select:
    """`SELECT [ALL | DISTINCT] [AS STRUCT | VALUE | type] items [WINDOW …]`."""
    segment, shape = _without_type(reader, segment)
    segment, windows = _without_windows(reader, segment)
    return select_operator(reader.select(segment, segment[0], _SELECT), shape, windows)


def select_operator(tree: exp.Select, shape: str = "", windows: tuple[exp.Expr, ...] = ()) -> op.Select:
    """sqlglot's SELECT without further clauses as an operator."""
    distinct = tree.args.get("distinct")
    if distinct is not None and distinct.args.get("on"):
        raise UnsupportedSql("DISTINCT ON")
    kind = shape or tree.args.get("kind") or ""
    return op.Select(tuple(tree.expressions), distinct is not None, kind, windows)


def is_plain(tree: exp.Expr) -> bool:
    """Whether it is a SELECT that needs no table and has no further clause."""
    return isinstance(tree, exp.Select) and not {k for k, v in tree.args.items() if v} - {
        "expressions",
        "distinct",
        "kind",
    }


def _without_type(reader: FragmentReader, segment: list[Token]) -> tuple[list[Token], str]:
    """`SELECT AS some.type …` without its type, and the type: sqlglot does not read it."""
    at = 2 if len(segment) > 1 and segment[1].token_type in (TokenType.DISTINCT, TokenType.ALL) else 1
    if len(segment) <= at or segment[at].token_type != TokenType.ALIAS:
        return segment, ""
    cursor = reader.cursor(segment, segment[0])
    cursor.at = at + 1
    if cursor.word() in ("STRUCT", "VALUE"):
        return segment, ""
    shape = ".".join(cursor.path("a type"))
    return [*segment[:at], *cursor.rest()], shape


def read_extend(reader: FragmentReader, segment: list[Token]) -> op.Extend:
    """`EXTEND expression [AS name], … [WINDOW …]`."""
    segment, windows = _without_windows(reader, segment)
    return op.Extend(reader.items(segment[1:], segment[0], stars="dotted"), windows)


def _without_windows(reader: FragmentReader, segment: list[Token]) -> tuple[list[Token], tuple[exp.Expr, ...]]:
    """The tokens before a clause `WINDOW name AS (…), …`, and its windows."""
    if TokenType.WINDOW not in [token.token_type for token in segment]:
        return segment, ()
    cursor = reader.cursor(segment, segment[0])
    before = cursor.until("WINDOW")
    if cursor.done:
        return segment, ()
    head = cursor.here
    cursor.expect("WINDOW")
    return before, tuple(_window(reader, part, head) for part in reader.parts(cursor.rest(), head))


def _window(reader: FragmentReader, part: list[Token], head: Token) -> exp.Expr:
    """`name AS (…)`, or `name AS name`, which sqlglot reads only behind another."""
    if len(part) == 3 and part[1].token_type == TokenType.ALIAS:
        name, other = (read_name(reader, [token], head) for token in (part[0], part[2]))
        return exp.Window(this=exp.to_identifier(name), alias=exp.to_identifier(other))
    windows = reader.select([*words("SELECT", "1"), head, *part], head, {"expressions", "windows"}).args["windows"]
    node: exp.Expr = windows[0]
    return node


def read_set(reader: FragmentReader, segment: list[Token]) -> op.Set:
    """`SET column = expression, …`."""
    head = segment[0]
    assignments = []
    for part in reader.parts(segment[1:], head):
        cursor = reader.cursor(part, head)
        name = cursor.name("`column = expression`")
        if cursor.done or part[1].token_type != TokenType.EQ or len(part) < 3:
            raise reader.error("SET takes `column = expression`", cursor.here)
        assignments.append((name, reader.one(part[2:], head)))
    return op.Set(tuple(assignments))


def read_drop(reader: FragmentReader, segment: list[Token]) -> op.Drop:
    """`DROP column, …`."""
    return op.Drop(tuple(read_name(reader, part, segment[0]) for part in reader.parts(segment[1:], segment[0])))


def read_rename(reader: FragmentReader, segment: list[Token]) -> op.Rename:
    """`RENAME old [AS] new, …`."""
    head = segment[0]
    pairs = []
    for part in reader.parts(segment[1:], head):
        cursor = reader.cursor(part, head)
        old = cursor.name("`old AS new`")
        new = cursor.alias()
        if not new:
            raise reader.error("RENAME takes `old AS new`", cursor.here)
        cursor.end()
        pairs.append((old, new))
    return op.Rename(tuple(pairs))


def read_as(reader: FragmentReader, segment: list[Token]) -> op.As:
    """`AS name`."""
    return op.As(read_name(reader, segment[1:], segment[0]))


def read_name(reader: FragmentReader, part: list[Token], head: Token) -> str:
    """These tokens as one name."""
    cursor = reader.cursor(part, head)
    name = cursor.name("a plain name")
    cursor.end()
    return name
