"""ASSERT, DESCRIBE, and the operators that write: CREATE TABLE, INSERT, EXPORT DATA."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.pipe import operators as op
from pipesql.pipe.reading.fragment import FragmentReader

_KNOWN = {"CREATE": exp.Create, "INSERT": exp.Insert}


def read_assert(reader: FragmentReader, segment: list[Token]) -> op.Assert:
    """`ASSERT condition, message, …`."""
    condition, *messages = reader.items(segment[1:], segment[0])
    return op.Assert(condition, tuple(messages))


def read_describe(reader: FragmentReader, segment: list[Token]) -> op.Describe:
    """`DESCRIBE` or `STATIC_DESCRIBE`."""
    reader.cursor(segment[1:], segment[0]).end()
    return op.Describe(segment[0].text.upper() == "STATIC_DESCRIBE")


def read_write(reader: FragmentReader, segment: list[Token]) -> op.Write:
    """`CREATE TABLE …` or `INSERT …`, both without a query: it is what the operator takes."""
    head = segment[0]
    statement = reader.standard(segment, head)
    if not isinstance(statement, _KNOWN[head.text.upper()]):
        raise reader.unsupported(f"this form of {head.text.upper()}", head)
    if statement.args.get("expression") is not None:
        raise reader.error(f"{head.text.upper()} as a pipe operator takes no query", head)
    if not isinstance(statement.this, exp.Table | exp.Schema):
        raise reader.error(f"{head.text.upper()} needs a table", head)
    if isinstance(statement, exp.Create) and statement.kind != "TABLE":
        raise reader.error(f"CREATE {statement.kind} is not a pipe operator", head)
    return op.Write(statement)


def read_export(reader: FragmentReader, segment: list[Token]) -> op.Write:
    """`EXPORT DATA [WITH CONNECTION name] [OPTIONS (name = value, …)]`."""
    head = segment[0]
    cursor = reader.cursor(segment, head)
    cursor.expect("EXPORT", "DATA")
    connection = None
    if cursor.accept("WITH", "CONNECTION"):
        connection = reader.one(cursor.until("OPTIONS"), head)
    options = None
    if cursor.accept("OPTIONS"):
        inside = cursor.bracket("options")
        parts = reader.parts(inside, head, trailing=False) if inside else []
        options = exp.Properties(expressions=[_option(reader, part, head) for part in parts])
    cursor.end()
    return op.Write(exp.Export(this=None, connection=connection, options=options))


def _option(reader: FragmentReader, part: list[Token], head: Token) -> exp.Expr:
    """`name = value`."""
    cursor = reader.cursor(part, head)
    name = cursor.name("`name = value`")
    if cursor.done or part[1].token_type != TokenType.EQ:
        raise reader.error("an option is `name = value`", cursor.here)
    return exp.Property(this=exp.to_identifier(name), value=reader.one(part[2:], head))
