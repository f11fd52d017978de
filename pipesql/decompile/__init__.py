"""Standard SQL to pipe SQL, without fallback: what cannot be expressed faithfully raises UnsupportedSql."""

from __future__ import annotations

from pipesql.decompile.bind.binder import Binder
from pipesql.decompile.bind.bound import Around
from pipesql.decompile.build.origins import Origins
from pipesql.decompile.build.query import QueryBuilder
from pipesql.decompile.dialects import collation
from pipesql.decompile.dialects.sqlite_values import compare_conditions, count_truths, spell_out
from pipesql.decompile.habits import habits_of
from pipesql.decompile.prepare.prepare import parsed, prepared
from pipesql.pipe.located import depth_bounded
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.schema import Schema


@depth_bounded
def decompile(sql: str, schema: Schema, dialect: str = "sqlite", *, keep_names: bool = False) -> PipeQuery:
    """The pipe form of a standard query over `schema`, in normal form, or with the query's own names.

    Raises SqlSyntaxError for text that is no query, UnknownName for names that the schema does not have, and
    UnsupportedSql, naming the construct, for what has no faithful pipe form.
    """
    return _built(sql, schema, dialect, keep_names, None)


@depth_bounded
def decompile_with_origins(
    sql: str, schema: Schema, dialect: str = "sqlite", *, keep_names: bool = False
) -> tuple[PipeQuery, Origins]:
    """The same, and for each operator the clause that it comes from. Raises as `decompile` does."""
    origins = Origins(dialect)
    return _built(sql, schema, dialect, keep_names, origins), origins


def _built(sql: str, schema: Schema, dialect: str, keep_names: bool, origins: Origins | None) -> PipeQuery:
    habits = habits_of(dialect)
    tree = parsed(sql, dialect)
    if origins is not None:
        origins.read(tree)
    if dialect == "sqlite":
        count_truths(tree)
    tree = prepared(tree, habits)
    binder = Binder(schema, habits, keep_names, note_written=origins is not None)
    binder.query(tree, Around())
    if dialect == "sqlite":
        compare_conditions(tree, binder)
        spell_out(tree, binder)
        collation.check(tree, binder)
    if origins is not None:
        origins.binder = binder
    return QueryBuilder(binder, origins).build(tree)
