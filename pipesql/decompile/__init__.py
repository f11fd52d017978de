"""Standard SQL to pipe SQL, without fallback: what cannot be expressed faithfully raises UnsupportedSql.

The rooms stand in the order in which they work, which `PASSES` names: `prepare` reads the text and writes short forms
out, `bind` looks every name up, `dialects` puts the dialect's meaning into GoogleSQL's words, `build` writes operators.
What dialects mean by clauses that they share is in `semantics`; to teach a dialect, begin there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from pipesql.decompile.bind.binder import Binder
from pipesql.decompile.bind.bindings import Around, Bindings
from pipesql.decompile.build.query import QueryBuilder
from pipesql.decompile.dialects.sqlite_conversions import check_collations, compare_conditions, convert_values
from pipesql.decompile.prepare.desugar import desugar
from pipesql.decompile.prepare.parse import parse
from pipesql.decompile.prepare.sqlite import count_truths
from pipesql.decompile.semantics import Semantics, semantics_of
from pipesql.errors import depth_bounded
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.schema import Schema

if TYPE_CHECKING:
    from pipesql.decompile.origins import Origins


@depth_bounded
def decompile(sql: str, schema: Schema, dialect: str = "sqlite", *, keep_names: bool = False) -> PipeQuery:
    """The pipe form of a standard query over `schema`, in normal form, or with the query's own names.

    Raises SqlSyntaxError for text that is not a query, UnknownName for names that the schema does not have, and
    UnsupportedSql, naming the construct, for what has no faithful pipe form.
    """
    return _converted(sql, schema, dialect, keep_names, None)


@depth_bounded
def decompile_with_origins(
    sql: str, schema: Schema, dialect: str = "sqlite", *, keep_names: bool = False
) -> tuple[PipeQuery, Origins]:
    """The same, and for each operator the clause that it comes from. Raises as `decompile` does."""
    from pipesql.decompile.origins import Origins

    origins = Origins(dialect)
    return _converted(sql, schema, dialect, keep_names, origins), origins


@dataclass
class _Conversion:
    """One query on its way: `tree` is its standard form, changed from pass to pass, `made` its pipe form."""

    sql: str
    semantics: Semantics
    bindings: Bindings
    origins: Origins | None
    tree: exp.Query
    made: PipeQuery


def _converted(sql: str, schema: Schema, dialect: str, keep_names: bool, origins: Origins | None) -> PipeQuery:
    semantics = semantics_of(dialect)
    bindings = Bindings(schema, semantics, keep_names, note_written=origins is not None)
    conversion = _Conversion(sql, semantics, bindings, origins, exp.Select(), PipeQuery(()))
    for run in PASSES:
        run(conversion)
    return conversion.made


Pass = Callable[[_Conversion], None]


def of_sqlite(run: Pass) -> Pass:
    """The pass, for queries in SQLite's dialect alone."""

    @functools.wraps(run)
    def only(query: _Conversion) -> None:
        if query.semantics.dialect == "sqlite":
            run(query)

    return only


def read_text(query: _Conversion) -> None:
    """The text becomes a tree of sqlglot's."""
    query.tree = parse(query.sql, query.semantics.dialect)


def keep_clauses(query: _Conversion) -> None:
    """Where origins are asked for, each clause's text is kept as it is written."""
    if query.origins is not None:
        query.origins.read(query.tree)


def make_predicates_numbers(query: _Conversion) -> None:
    """Predicates that are counted or compared become CASTs to integers."""
    count_truths(query.tree)


def write_short_forms_out(query: _Conversion) -> None:
    """FILTER, VALUES, WINDOW, joins in brackets and their like become what they are short for, or are refused."""
    query.tree = desugar(query.tree, query.semantics)


def bind_names(query: _Conversion) -> None:
    """Every column names its source; stars, positions and aliases give way to what they mean."""
    Binder(query.bindings).query(query.tree, Around())


def make_numbers_conditions(query: _Conversion) -> None:
    """A number that serves as a condition is compared with 0."""
    compare_conditions(query.tree, query.bindings)


def write_conversions_out(query: _Conversion) -> None:
    """Literals and columns take the type that SQLite gives them in a comparison, a sum or a CAST."""
    convert_values(query.tree, query.bindings)


def require_texts_under_collations(query: _Conversion) -> None:
    """COLLATE NOCASE is refused where what it stands at may not be a text."""
    check_collations(query.tree, query.bindings)


def build_operators(query: _Conversion) -> None:
    """The tree becomes operators, its expressions written in GoogleSQL's words."""
    if query.origins is not None:
        query.origins.bindings = query.bindings
    query.made = QueryBuilder(query.bindings, query.origins.note if query.origins is not None else None).build(
        query.tree
    )


PASSES: tuple[Pass, ...] = (
    read_text,
    keep_clauses,
    of_sqlite(make_predicates_numbers),
    write_short_forms_out,
    bind_names,
    of_sqlite(make_numbers_conditions),
    of_sqlite(write_conversions_out),
    of_sqlite(require_texts_under_collations),
    build_operators,
)
"""Everything that happens to a query, in its order."""
