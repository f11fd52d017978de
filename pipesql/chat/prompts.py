"""The prompt: the schema as text, then the question.

The schema comes before the question, so that all questions of one database share a prefix (its keys and values
can be computed once and kept). It is compact, and easy to copy from: names in the schema's own spelling, each with
a space before it as in a query, one table a line:

    singer: Singer_ID int key, Name, Age int
    concert: concert_ID int key, Stadium_ID int = stadium.Stadium_ID, `Free Seats` int

A column without a type holds text; `key` marks the primary key; `= table.column` is a foreign key. This form
takes 24% fewer tokens than the usual `singer(Singer_ID int, Name text)` with foreign keys on lines of their own
(SmolLM2's tokenizer, Spider's development databases).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from pipesql.pipe.identifiers import identifier
from pipesql.pipe.schema import Column, Schema, Table

SYSTEM = "Answer the question with a pipe SQL query."
TOOL_SYSTEM = (
    "Answer the question with a pipe SQL query. Look up with the tools what you are not told, "
    "and run the query before you answer with it."
)

Value = tuple[str, str, str]
"""Table, column, and a text in that column."""


@dataclass(frozen=True)
class PromptShape:
    """How the prompts and samples of a model's training were laid out; later prompts must have the same shape.

    `values` is the largest number of values of each column, `keys` whether the schema shows keys.
    """

    layout: str = "folded"
    values: int = 0
    keys: bool = True


_TYPE_WORDS = (
    ("bool", "bool"),
    ("date", "date"),
    ("time", "date"),
    ("int", "int"),
    ("real", "real"),
    ("floa", "real"),
    ("doub", "real"),
    ("dec", "real"),
    ("num", "real"),
    ("blob", "blob"),
)
"""A word in the declared type → the short type; the first word that is found counts."""


def schema_text(schema: Schema) -> str:
    """The schema as prompt text: one line per table, no newline at the end."""
    return "\n".join(_table_text(table) for table in schema)


def messages(
    schema: Schema,
    question: str,
    evidence: str = "",
    query_so_far: Sequence[str] | None = None,
    values: Sequence[Value] = (),
) -> list[dict[str, str]]:
    """The chat messages that ask `question` about `schema`: a system and a user message.

    `evidence` is a benchmark's hint, put before the question, as are `values` of the database that match the question
    (`assistant_tools.grounding` finds them); both come after the schema, which questions share. `query_so_far` holds
    the texts of the operators already written, for the `steps` layout, where each answer is one operator.
    """
    parts = [schema_text(schema), "", *_question_lines(question, evidence, values)]
    if query_so_far:
        parts += ["Query so far:", *query_so_far]
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "\n".join(parts)}]


def tool_messages(known: str, question: str, evidence: str = "", values: Sequence[Value] = ()) -> list[dict[str, str]]:
    """The messages that open a conversation with tools; `known` describes the database, and may be empty."""
    parts = [*([known, ""] if known else []), *_question_lines(question, evidence, values)]
    return [{"role": "system", "content": TOOL_SYSTEM}, {"role": "user", "content": "\n".join(parts)}]


def _question_lines(question: str, evidence: str, values: Sequence[Value]) -> list[str]:
    lines = []
    if values:
        lines.append(f"Values: {', '.join(value_text(*value) for value in values)}")
    if evidence.strip():
        lines.append(f"Hint: {evidence.strip()}")
    return [*lines, f"Question: {question.strip()}"]


def value_text(table: str, column: str, value: str) -> str:
    """A value of the database as a query compares with it: `singer.Country = 'France'`."""
    return f"{quoted(table)}.{quoted(column)} = {exp.Literal.string(value).sql(dialect='bigquery')}"


def quoted(name: str) -> str:
    """The name as pipe SQL writes it: in backticks if it is a reserved word or not a plain identifier."""
    return identifier(name).sql(dialect="bigquery")


def _table_text(table: Table) -> str:
    references = {key.column.lower(): key for key in table.foreign_keys}
    columns = []
    for column in table.columns:
        words = [quoted(column.name), _short_type(column)]
        if column.primary_key:
            words.append("key")
        if key := references.get(column.name.lower()):
            words.append(f"= {quoted(key.ref_table)}.{quoted(key.ref_column)}")
        columns.append(" ".join(word for word in words if word))
    return f"{quoted(table.name)}: {', '.join(columns)}"


def _short_type(column: Column) -> str:
    declared = column.type.lower()
    return next((short for word, short in _TYPE_WORDS if word in declared), "")
