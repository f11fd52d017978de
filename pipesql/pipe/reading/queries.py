"""The operators that take whole queries or pipelines: set operations, RECURSIVE UNION, WITH, LOG, TEE, FORK, IF."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.pipe import operators as op
from pipesql.pipe.query import Cte, PipeQuery, Subpipeline
from pipesql.pipe.reading.cursor import Cursor
from pipesql.pipe.reading.fragment import FragmentReader

SET_KINDS = ("UNION", "INTERSECT", "EXCEPT")
_SIDES = ("LEFT", "FULL", "INNER")


def read_set_operation(reader: FragmentReader, segment: list[Token]) -> op.SetOperation:
    """`[side] UNION|INTERSECT|EXCEPT ALL|DISTINCT [STRICT] [BY NAME | CORRESPONDING …] (query), …`."""
    cursor = reader.cursor(segment, segment[0])
    side = cursor.one_of(*_SIDES)
    if cursor.accept("OUTER") and side != "LEFT":
        side = "FULL"
    cursor.head = cursor.here
    kind = cursor.one_of(*SET_KINDS)
    distinct = _distinct(cursor, kind)
    strict = cursor.accept("STRICT")
    matching, on = _matching(cursor)
    if strict and (side or matching != "CORRESPONDING"):
        raise reader.error(f"STRICT needs {kind} … CORRESPONDING", segment[0])
    queries = []
    for part in reader.parts(cursor.rest(), cursor.head):
        arm = reader.cursor(part, cursor.head)
        queries.append(_query(reader, arm))
        arm.end()
    return op.SetOperation(kind, distinct, tuple(queries), matching, side, strict, on)


def _distinct(cursor: Cursor, kind: str) -> bool:
    word = cursor.one_of("ALL", "DISTINCT")
    if not word:
        raise cursor.reader.error(f"{kind} must be followed by ALL or DISTINCT", cursor.head)
    return word == "DISTINCT"


def _matching(cursor: Cursor) -> tuple[str, tuple[str, ...]]:
    """`BY NAME [ON (names)]` or `CORRESPONDING [BY (names)]`, and the names."""
    if cursor.accept("BY"):
        cursor.expect("NAME")
        return "BY NAME", cursor.names("columns") if cursor.accept("ON") else ()
    if cursor.accept("CORRESPONDING"):
        return "CORRESPONDING", cursor.names("columns") if cursor.accept("BY") else ()
    return "", ()


def _query(reader: FragmentReader, cursor: Cursor) -> PipeQuery:
    inside = cursor.bracket("a query")
    if not inside:
        raise reader.error(f"{cursor.head.text.upper()} needs a query inside its parentheses", cursor.head)
    return reader.query(inside)


def read_recursive_union(reader: FragmentReader, segment: list[Token]) -> op.RecursiveUnion:
    """`RECURSIVE UNION ALL|DISTINCT [BY NAME | CORRESPONDING] (query | |> …) [AS alias]`."""
    cursor = reader.cursor(segment, segment[0])
    cursor.expect("RECURSIVE", "UNION")
    distinct = _distinct(cursor, "RECURSIVE UNION")
    if cursor.word() == "WITH":
        raise reader.unsupported("RECURSIVE UNION … WITH DEPTH", cursor.here)
    matching, on = _matching(cursor)
    if on:
        raise reader.unsupported("RECURSIVE UNION by some columns only", segment[0])
    inside = cursor.bracket("a query")
    going_on = not inside or inside[0].token_type == TokenType.PIPE_GT
    query = reader.pipeline(inside) if going_on else reader.query(inside)
    alias = cursor.name("a name after AS") if cursor.accept("AS") else ""
    cursor.end()
    return op.RecursiveUnion(distinct, query, alias, matching)


def read_with(reader: FragmentReader, segment: list[Token]) -> op.With:
    """`WITH [RECURSIVE] name AS (query), …`; a comma may trail."""
    cursor = reader.cursor(segment, segment[0])
    ctes, recursive = read_ctes(reader, cursor)
    cursor.end()
    return op.With(ctes, recursive)


def read_ctes(reader: FragmentReader, cursor: Cursor) -> tuple[tuple[Cte, ...], bool]:
    """`WITH [RECURSIVE] name AS (query), …`, the cursor left behind it, and whether it is RECURSIVE."""
    cursor.expect("WITH")
    recursive = cursor.word(1) != "AS" and cursor.accept("RECURSIVE")
    ctes: list[Cte] = []
    while not ctes or (cursor.here.token_type == TokenType.COMMA and not cursor.done):
        cursor.at += 1 if ctes else 0
        if ctes and cursor.done:
            break  # a comma may trail
        name = cursor.name("`name AS (query)`")
        cursor.expect("AS")
        if not cursor.opens():
            raise reader.error(f"expected `{name} AS (query)`", cursor.here)
        ctes.append(Cte(name, _query(reader, cursor)))
    return tuple(ctes), recursive


def read_log(reader: FragmentReader, segment: list[Token]) -> op.Log:
    """`LOG [(|> …)]`."""
    pipelines = _pipelines(reader, segment)
    if len(pipelines) > 1:
        raise reader.error("LOG takes one pipeline", segment[0])
    return op.Log(pipelines[0] if pipelines else None)


def read_tee(reader: FragmentReader, segment: list[Token]) -> op.Tee:
    """`TEE [(|> …), …]`."""
    return op.Tee(_pipelines(reader, segment))


def read_fork(reader: FragmentReader, segment: list[Token]) -> op.Fork:
    """`FORK (|> …), …`."""
    if len(segment) == 1:
        raise reader.error("FORK needs pipelines in parentheses", segment[0])
    return op.Fork(_pipelines(reader, segment))


def _pipelines(reader: FragmentReader, segment: list[Token]) -> tuple[Subpipeline, ...]:
    if len(segment) == 1:
        return ()
    head = segment[0]
    found = []
    for part in reader.parts(segment[1:], head):
        cursor = reader.cursor(part, head)
        found.append(reader.pipeline(cursor.bracket("a pipeline")))
        cursor.end()
    return tuple(found)


def read_if(reader: FragmentReader, segment: list[Token]) -> op.If:
    """`IF condition THEN (|> …) [ELSEIF condition THEN (|> …)]… [ELSE (|> …)]`."""
    cursor = reader.cursor(segment, segment[0])
    branches: list[tuple[exp.Expr, Subpipeline]] = []
    while cursor.accept("ELSEIF" if branches else "IF"):
        condition = reader.one(cursor.until("THEN"), segment[0])
        cursor.expect("THEN")
        branches.append((condition, reader.pipeline(cursor.bracket("a pipeline"))))
    otherwise = reader.pipeline(cursor.bracket("a pipeline")) if cursor.accept("ELSE") else None
    cursor.end()
    return op.If(tuple(branches), otherwise)
