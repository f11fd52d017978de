"""A database under other names, drawn by a seed, with those of its questions that can still be understood.

What a small model memorises about a database (that `oldest` means `head.age` there) is of no use on another; it must
learn to read the names in the prompt. So the words that are specific to a database's names are exchanged for words of
other databases' names, in schema, query and question alike (`How many singers are there?` becomes `How many airports
are there?` where `singer` became `airport`), and tables and columns change their order. No database can run such a
query: it is the golden pair's query under a reversible change of names, and must resolve on the renamed schema.

A question is kept only if its own words name what is exchanged in its query: each word of the columns outside a join's
condition, and of the tables, except tables that one of these columns determines. Values stay as they are; a question
whose values hold an exchanged word is left out, and so is one whose query did not change.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from pipesql.chat.prompts import Value
from pipesql.pipe.identifiers import RESERVED
from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.schema import Schema, Table
from pipesql.pipe.walk import expressions, parts_but_conditions, tables_read
from pipesql.records import GoldenPair
from pipesql.samples.renaming.names import changed, plural, renamed_query, renamed_schema, stem, stems

COMMON = 0.05
"""Words in the names of a larger share of all databases mean the same everywhere (`name`, `year`): they stay."""
SHARE = 0.7
"""Share of the other words that are exchanged."""
_SHORTEST = 3
_KEPT = frozenset(["aggregate", "avg", "count", "distinct", "list", "max", "min", "sum", "value"]) | RESERVED
"""Keywords, and the words by which the decompiler names columns (`decompile.build.select`): they stay."""


def vocabulary(schemas: Sequence[Schema]) -> tuple[str, ...]:
    """The words of these databases' names that may be exchanged, by stem."""
    counts = Counter(word for schema in schemas for word in _schema_stems(schema))
    most = max(1.0, COMMON * len(schemas))
    return tuple(sorted(word for word, count in counts.items() if count <= most and _exchangeable(word)))


def _exchangeable(word: str) -> bool:
    return len(word) >= _SHORTEST and word not in _KEPT and stem(plural(word)) == word


@dataclass(frozen=True)
class Renaming:
    """A renamed schema, and the pairs on it that are kept, each with the values in its prompt."""

    others: Mapping[str, str]
    """Which stem became which."""
    schema: Schema
    pairs: tuple[tuple[GoldenPair, tuple[Value, ...]], ...]


def rename_database(
    schema: Schema, pairs: Sequence[tuple[GoldenPair, Sequence[Value]]], known: Sequence[str], seed: str
) -> Renaming:
    """Rename the schema and the pairs on it, which come with the values in their prompts.

    `known` are the words that may be exchanged (`vocabulary`). Raises SqlError for a query that does not resolve under
    its other names.
    """
    rng = random.Random(seed)
    others = _exchanged(schema, [pair for pair, _ in pairs], known, rng)

    def rename(name: str) -> str:
        return changed(name, others)

    other = _reordered(renamed_schema(schema, rename), rng)
    kept = []
    for pair, values in pairs:
        query = parse(pair.pipe_sql)
        new = renamed_query(query, rename)
        operators = tuple(print_operators(new))
        if operators == pair.operators or not _understood(pair, values, query, schema, others):
            continue
        resolve(new, other)
        there = tuple((rename(table), rename(column), value) for table, column, value in values)
        kept.append((replace(pair, question=changed(pair.question, others), operators=operators), there))
    return Renaming(others, other, tuple(kept))


def _exchanged(schema: Schema, pairs: Iterable[GoldenPair], known: Sequence[str], rng: random.Random) -> dict[str, str]:
    """Which words are exchanged for which: no two for the same word, and none for a word that is used here."""
    here = _schema_stems(schema)
    used = here.union(*(stems(pair.question) for pair in pairs), *(stems(pair.pipe_sql) for pair in pairs))
    mine = [word for word in known if word in here and rng.random() < SHARE]
    free = [word for word in known if word not in used]
    return dict(zip(mine, rng.sample(free, min(len(mine), len(free))), strict=False))


def _understood(
    pair: GoldenPair, values: Sequence[Value], query: PipeQuery, schema: Schema, others: dict[str, str]
) -> bool:
    """Whether the question names by its own words what was exchanged in its query."""
    spoken = stems(pair.question)
    texts = [value for _, _, value in values] + [pair.evidence]
    named = set[str]()
    for node in expressions(query, parts_but_conditions):
        texts += [literal.name for literal in node.find_all(exp.Literal) if literal.is_string]
        named |= {column.name for column in node.find_all(exp.Column)}
    tables = {table.name: table for table in filter(None, map(schema.table, tables_read(query)))}
    owners = [[table for table in tables.values() if table.column(name)] for name in named]
    to_name = tables.keys() - {owner.name for owner, *rest in filter(None, owners) if not rest}
    there = {word for text in texts for word in stems(text)}
    needed = {word for name in named | to_name for word in stems(name)}
    return not there & others.keys() and (needed & others.keys()) <= spoken


def _reordered(schema: Schema, rng: random.Random) -> Schema:
    """The tables in another order, and the columns of each too, except its first."""

    def columns(table: Table) -> Table:
        first, *rest = table.columns
        return replace(table, columns=(first, *rng.sample(rest, len(rest))))

    return replace(schema, tables=tuple(map(columns, rng.sample(schema.tables, len(schema.tables)))))


def _schema_stems(schema: Schema) -> set[str]:
    names = [name for table in schema for name in (table.name, *(column.name for column in table.columns))]
    return {word for name in names for word in stems(name)}
