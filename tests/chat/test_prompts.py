"""The prompt's text: compact, in the schema's own spelling, quoted as a query quotes."""

from __future__ import annotations

from pipesql.chat.prompts import SYSTEM, messages, schema_text
from pipesql.pipe.schema import Column, ForeignKey, Schema, Table

SCHEMA = Schema(
    (
        Table("Singer", (Column("Singer_ID", "INTEGER", True), Column("Name", "varchar(20)"), Column("Born", "DATE"))),
        Table(
            "concert in year",
            (Column("order", "INT"), Column("Singer_ID", "int"), Column("Price", "NUMERIC(8,2)"), Column("what")),
            (ForeignKey("singer_id", "Singer", "Singer_ID"),),
        ),
    )
)

TEXT = """\
Singer: Singer_ID int key, Name, Born date
`concert in year`: `order` int, Singer_ID int = Singer.Singer_ID, Price real, what"""


def test_one_table_a_line_with_types_keys_and_quotes() -> None:
    assert schema_text(SCHEMA) == TEXT


def test_the_schema_stands_before_the_question() -> None:
    system, user = messages(SCHEMA, " How many singers? ", evidence="singers sing")
    assert system == {"role": "system", "content": SYSTEM}
    assert user == {"role": "user", "content": f"{TEXT}\n\nHint: singers sing\nQuestion: How many singers?"}


def test_questions_of_one_database_share_their_beginning() -> None:
    one, other = (messages(SCHEMA, q)[1]["content"] for q in ("Who sings?", "What costs most?"))
    assert one.startswith(f"{TEXT}\n\nQuestion: ")
    assert other.startswith(f"{TEXT}\n\nQuestion: ")


def test_the_query_so_far_ends_the_prompt() -> None:
    user = messages(SCHEMA, "How many?", query_so_far=["FROM Singer", "|> WHERE Born IS NULL"])[1]["content"]
    assert user.endswith("Question: How many?\nQuery so far:\nFROM Singer\n|> WHERE Born IS NULL")
    assert messages(SCHEMA, "How many?", query_so_far=[]) == messages(SCHEMA, "How many?")
