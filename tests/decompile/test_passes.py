"""The order of the work: every pass once, SQLite's own where they belong, and none that another dialect would need."""

from __future__ import annotations

from pipesql.decompile import PASSES, decompile
from pipesql.decompile.semantics import semantics_of
from pipesql.pipe.printing.printer import print_query
from tests.support.queries.dialects import SCHEMA


def test_the_passes_are_the_rooms_in_their_order() -> None:
    names = [run.__name__ for run in PASSES]
    assert names.index("read_text") < names.index("write_short_forms_out") < names.index("bind_names")
    assert names.index("bind_names") < names.index("write_conversions_out") < names.index("build_operators")
    assert len(set(names)) == len(names)


def test_what_sqlite_converts_is_left_alone_in_other_dialects() -> None:
    sql = "SELECT id FROM people WHERE age"
    assert "age <> 0" in print_query(decompile(sql, SCHEMA, "sqlite"))
    assert "age <> 0" not in print_query(decompile(sql, SCHEMA, "duckdb"))
    assert semantics_of("sqlite").implicit_recursion and not semantics_of("duckdb").implicit_recursion
