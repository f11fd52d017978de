"""CALL and its arguments."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.pipe import operators as op
from pipesql.pipe.reading.fragment import FragmentReader
from pipesql.pipe.reading.tables import read_source

_KINDS = ("TABLE", "MODEL", "CONNECTION")


def read_call(reader: FragmentReader, segment: list[Token]) -> op.Call:
    """`CALL function(arguments) [AS alias]`."""
    head = segment[0]
    cursor = reader.cursor(segment[1:], head)
    function = cursor.path("a table function")
    inside = cursor.bracket("arguments")
    arguments = [_argument(reader, part, head) for part in reader.parts(inside, head, trailing=False)] if inside else []
    alias = cursor.alias()
    cursor.end()
    return op.Call(function, tuple(arguments), alias)


def _argument(reader: FragmentReader, part: list[Token], head: Token) -> op.Argument:
    """`[name =>] [kind] value`."""
    cursor = reader.cursor(part, head)
    name = ""
    if len(part) > 1 and part[1].token_type == TokenType.FARROW:
        name = cursor.name("an argument's name")
        cursor.at += 1
    if cursor.accept("INPUT", "TABLE"):
        cursor.end()
        return op.Argument(None, "INPUT TABLE", name)
    if cursor.word() == "DESCRIPTOR":
        cursor.at += 1
        columns = reader.items(cursor.bracket("columns"), head, trailing=False)
        cursor.end()
        return op.Argument(exp.Tuple(expressions=list(columns)), "DESCRIPTOR", name)
    if cursor.word() in _KINDS and len(part) > cursor.at + 1:
        kind = cursor.one_of(*_KINDS)
        if cursor.accept("DEFAULT"):
            cursor.end()
            return op.Argument(exp.var("DEFAULT"), kind, name)
        return op.Argument(read_source(reader, cursor.rest(), head), kind, name)
    return op.Argument(_value(reader, cursor.rest(), head), "", name)


def _value(reader: FragmentReader, found: list[Token], head: Token) -> exp.Expr:
    """An expression, or a lambda, which sqlglot reads inside a function's brackets alone."""
    if not any(token.token_type == TokenType.ARROW for token in found):
        return reader.one(found, head)
    around = [Token(TokenType.VAR, "f"), Token(TokenType.L_PAREN, "("), *found, Token(TokenType.R_PAREN, ")")]
    value: exp.Expr = reader.one(around, head).expressions[0]
    return value
