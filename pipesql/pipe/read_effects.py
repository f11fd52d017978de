"""ASSERT, DESCRIBE, and the operators that write: CREATE TABLE, INSERT, EXPORT DATA."""

from __future__ import annotations

from sqlglot.tokens import Token

from pipesql.pipe import operators as op
from pipesql.pipe.fragment import FragmentReader


def read_assert(reader: FragmentReader, segment: list[Token]) -> op.Assert:
    """`ASSERT condition, message, …`."""
    condition, *messages = reader.items(segment[1:], segment[0])
    return op.Assert(condition, tuple(messages))


def read_describe(reader: FragmentReader, segment: list[Token]) -> op.Describe:
    """`DESCRIBE` or `STATIC_DESCRIBE`."""
    reader.cursor(segment[1:], segment[0]).end()
    return op.Describe(segment[0].text.upper() == "STATIC_DESCRIBE")


def read_write(reader: FragmentReader, segment: list[Token]) -> op.Write:
    """`CREATE TABLE …`, `INSERT …`, `EXPORT DATA …`."""
    raise reader.unsupported(f"the operator {segment[0].text.upper()}", segment[0])
