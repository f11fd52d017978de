"""SELECT, EXTEND, WINDOW, SET, DROP, RENAME, AS, and AGGREGATE with its ordering suffixes and grouping sets."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.reading.fragment import FragmentReader, words
from pipesql.pipe.scan import CLOSE, OPEN

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


_ORDERS = frozenset({TokenType.ASC, TokenType.DESC})
_SETS = frozenset({TokenType.ROLLUP, TokenType.CUBE, TokenType.GROUPING_SETS})

_Keys = tuple[tuple[exp.Expr, ...], tuple[op.Suffix | None, ...]]
"""Expressions, and the suffix of each unless none is written."""


def read_aggregate(reader: FragmentReader, segment: list[Token]) -> op.Aggregate:
    """`AGGREGATE [items] [GROUP [AND ORDER] BY keys]`."""
    head, rest = segment[0], segment[1:]
    at, width = _find_group_by(reader, rest)
    if not width:
        items, item_order = _items(reader, rest, head, "dotted") if rest else ((), ())
        return op.Aggregate(items, (), item_order)
    items, item_order = _items(reader, rest[:at], head, "dotted") if at else ((), ())
    keys, key_order = _items(reader, rest[at + width :], rest[at], "")
    return op.Aggregate(items, keys, item_order, key_order, and_order=_and_order(rest[at:]))


def _find_group_by(reader: FragmentReader, found: list[Token]) -> tuple[int, int]:
    """(index, width) of GROUP BY or GROUP AND ORDER BY outside brackets; sqlglot reads two words as one token or two.

    The width is zero where there is none.
    """
    depth = 0
    for i, token in enumerate(found):
        kind = token.token_type
        if kind in OPEN:
            depth += 1
        elif kind in CLOSE:
            depth -= 1
        elif depth == 0 and kind == TokenType.GROUP_BY:
            return i, 1
        elif depth == 0 and kind == TokenType.VAR and token.text.upper() == "GROUP":
            if i and found[i - 1].token_type == TokenType.DOT:
                continue
            cursor = reader.cursor(found, token)
            cursor.at = i + 1
            if not cursor.accept("BY") and not cursor.accept("AND", "ORDER BY"):
                cursor.expect("AND", "ORDER", "BY")
            return i, cursor.at - i
    return 0, 0


def _and_order(found: list[Token]) -> bool:
    return len(found) > 1 and found[0].token_type != TokenType.GROUP_BY and found[1].token_type == TokenType.AND


def _items(reader: FragmentReader, found: list[Token], head: Token, stars: str) -> _Keys:
    """Expressions with names and ordering suffixes; grouping sets too."""
    kinds = {t.token_type for t in found}
    ordered = not kinds.isdisjoint(_ORDERS) or any(t.text.upper() == "NULLS" for t in found)
    if not ordered and kinds.isdisjoint(_SETS):
        items = reader.items(found, head, stars)
        if any(isinstance(i, exp.Alias) and isinstance(i.this, exp.Tuple) and not i.this.expressions for i in items):
            raise reader.error("the grouping set () takes no name", head)
        return items, ()
    keys, suffixes = [], []
    for part in reader.parts(found, head):
        part, suffix = _without_suffix(part)
        keys.append(_key(reader, part, head, stars))
        suffixes.append(suffix)
    return tuple(keys), tuple(suffixes) if any(suffixes) else ()


def _without_suffix(part: list[Token]) -> tuple[list[Token], op.Suffix | None]:
    """A part without `[ASC|DESC] [NULLS FIRST|LAST]` at its end, and the suffix."""
    nulls_first = desc = None
    if len(part) > 2 and part[-2].text.upper() == "NULLS" and part[-1].text.upper() in ("FIRST", "LAST"):
        nulls_first = part[-1].text.upper() == "FIRST"
        part = part[:-2]
    if len(part) > 1 and part[-1].token_type in _ORDERS:
        desc = part[-1].token_type == TokenType.DESC
        part = part[:-1]
    return part, None if desc is nulls_first is None else op.Suffix(desc, nulls_first)


def _key(reader: FragmentReader, part: list[Token], head: Token, stars: str = "") -> exp.Expr:
    """An expression with an optional name, or ROLLUP, CUBE, GROUPING SETS."""
    kind = part[0].token_type
    if kind not in _SETS:
        items = reader.items(part, head, stars)
        if len(items) != 1:
            raise reader.error(f"{head.text.upper()} takes one expression between two commas", part[0])
        return items[0]
    cursor = reader.cursor(part, part[0])
    cursor.at = 1
    inside = cursor.bracket("a list")
    cursor.end()
    keys = [_key(reader, piece, part[0]) for piece in reader.parts(inside, part[0], trailing=False)]
    if any(isinstance(key, exp.Alias) for key in keys):
        raise reader.error(f"an expression inside {part[0].text.upper()} takes no name", part[0])
    if kind == TokenType.GROUPING_SETS:
        return exp.GroupingSets(expressions=keys)
    return exp.Rollup(expressions=keys) if kind == TokenType.ROLLUP else exp.Cube(expressions=keys)
