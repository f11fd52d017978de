"""TABLESAMPLE, PIVOT, UNPIVOT, ASSERT, DESCRIBE, and the operators that write: CREATE TABLE, INSERT, EXPORT DATA."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from pipesql.pipe import operators as op
from pipesql.pipe.reading.cursor import Cursor
from pipesql.pipe.reading.fragment import FragmentReader
from pipesql.pipe.scan import closing

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


def read_tablesample(reader: FragmentReader, segment: list[Token]) -> op.TableSample:
    """`TABLESAMPLE method (size PERCENT|ROWS [PARTITION BY …]) [WITH WEIGHT [[AS] name]] [REPEATABLE (seed)]`."""
    head = segment[0]
    cursor = reader.cursor(segment[1:], head)
    method = cursor.name("a sampling method").upper()
    inside = reader.cursor(cursor.bracket("a size"), head)
    size = reader.one(inside.until("PERCENT", "ROWS"), head)
    unit = inside.one_of("PERCENT", "ROWS")
    partition: tuple[exp.Expr, ...] = ()
    if inside.accept("PARTITION BY") or inside.accept("PARTITION", "BY"):
        partition = reader.items(inside.rest(), head, trailing=False)
    inside.end()
    if not unit:
        raise reader.error("TABLESAMPLE needs PERCENT or ROWS behind its size", head)
    weight = None
    if cursor.accept("WITH", "WEIGHT"):
        weight = "" if cursor.word() == "REPEATABLE" else cursor.alias()
    seed = reader.one(cursor.bracket("a seed"), head) if cursor.accept("REPEATABLE") else None
    cursor.end()
    return op.TableSample(method, size, unit, partition, weight, seed)


def read_pivot(reader: FragmentReader, segment: list[Token]) -> op.Pivot:
    """`PIVOT (aggregates FOR subject IN (values)) [AS alias]`."""
    head = segment[0]
    cursor = reader.cursor(segment[1:], head)
    inside = reader.cursor(cursor.bracket("its aggregates"), head)
    aggregates = reader.items(inside.until("FOR"), head, trailing=False)
    inside.expect("FOR")
    subject, values = _for_in(inside)
    out = op.Pivot(aggregates, reader.one(subject, head), reader.items(values, head, trailing=False), cursor.alias())
    cursor.end()
    return out


def _for_in(cursor: Cursor) -> tuple[list[Token], list[Token]]:
    """`what IN (…)` up to the end: the two runs of tokens. Any IN before the last belongs to the subject."""
    left = cursor.rest()
    for i in range(len(left) - 2, -1, -1):
        opens = left[i].token_type == TokenType.IN and left[i + 1].token_type == TokenType.L_PAREN
        if opens and closing(left, i + 1) == len(left) - 1:
            return left[:i], left[i + 2 : -1]
    raise cursor.reader.error(f"{cursor.head.text.upper()} needs FOR … IN (…)", cursor.head)


def read_unpivot(reader: FragmentReader, segment: list[Token]) -> op.Unpivot:
    """`UNPIVOT [INCLUDE|EXCLUDE NULLS] (values FOR name IN (columns [AS label], …)) [AS alias]`."""
    head = segment[0]
    cursor = reader.cursor(segment[1:], head)
    nulls = cursor.one_of("INCLUDE", "EXCLUDE")
    if nulls:
        cursor.expect("NULLS")
    inside = reader.cursor(cursor.bracket("its columns"), head)
    values = _columns(inside)
    inside.expect("FOR")
    name = _column(inside)
    inside.expect("IN")
    groups = reader.parts(inside.bracket("columns"), head, trailing=False)
    inside.end()
    out = op.Unpivot(values, name, tuple(_group(reader, group, head) for group in groups), nulls, cursor.alias())
    cursor.end()
    return out


def _group(reader: FragmentReader, part: list[Token], head: Token) -> op.UnpivotGroup:
    cursor = reader.cursor(part, head)
    columns = _columns(cursor)
    labelled = cursor.accept("AS")
    label = reader.one(cursor.rest(), head) if labelled or not cursor.done else None
    if label is not None and not (isinstance(label, exp.Literal) and (label.is_string or label.is_int)):
        raise reader.error("a label of UNPIVOT is a string or a whole number", part[-1])
    return op.UnpivotGroup(columns, label)


def _columns(cursor: Cursor) -> tuple[str, ...]:
    """A column, or several in brackets."""
    if not cursor.opens():
        return (_column(cursor),)
    columns = []
    for part in cursor.reader.parts(cursor.bracket("columns"), cursor.head, trailing=False):
        inside = Cursor(part, cursor.reader, cursor.head)
        columns.append(_column(inside))
        inside.end()
    return tuple(columns)


def _column(cursor: Cursor) -> str:
    path = cursor.path("a column")
    return path[0] if len(path) == 1 else op.Path(path)
