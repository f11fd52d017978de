"""A database under other names, drawn by a seed, with those of its questions that can still be understood.

What a small model learns of a database by heart (that `oldest` on this one is `head.age`) it cannot use on another;
what it must learn is to read the names in the prompt. So words that are peculiar to a database's names are exchanged
for words of other databases' names, in schema, query and question alike (`How many singers are there?` becomes `How
many airports are there?` where `singer` became `airport`), and tables and columns change places. No database answers
such a query: it is the golden pair's own under a change of names that can be undone, and must resolve against the
schema so named.

A question is kept only where its own words name what is exchanged in its query: each word of the columns outside a
join's condition, and of the tables, but for those that one of these columns can only belong to. Values stay as they
are; a question whose values hold an exchanged word is left out, and so is one whose query stays as it was.
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
"""So many of the other words are exchanged."""
_SHORTEST = 3
_SAID = frozenset(["aggregate", "avg", "count", "distinct", "list", "max", "min", "sum", "value"]) | RESERVED
"""Words of the language, and those that the decompiler names columns with (`decompile.bind.tables`): they stay."""


def vocabulary(schemas: Sequence[Schema]) -> tuple[str, ...]:
    """The words of these databases' names that may be exchanged, by stem."""
    counts = Counter(word for schema in schemas for word in _schema_stems(schema))
    most = max(1.0, COMMON * len(schemas))
    return tuple(sorted(word for word, count in counts.items() if count <= most and _exchangeable(word)))


def _exchangeable(word: str) -> bool:
    return len(word) >= _SHORTEST and word not in _SAID and stem(plural(word)) == word


@dataclass(frozen=True)
class Disguise:
    """A schema under other names, and the pairs on it that are kept, each with the values in its prompt."""

    others: Mapping[str, str]
    """Which stem became which."""
    schema: Schema
    pairs: tuple[tuple[GoldenPair, tuple[Value, ...]], ...]


def disguised(
    schema: Schema, asked: Sequence[tuple[GoldenPair, Sequence[Value]]], known: Sequence[str], seed: str
) -> Disguise:
    """A disguise of the schema and of the pairs on it, which come with the values in their prompts.

    `known` are the words that may be exchanged (`vocabulary`). Raises SqlError for a query that does not resolve under
    its other names.
    """
    rng = random.Random(seed)
    others = _exchanged(schema, [pair for pair, _ in asked], known, rng)

    def rename(name: str) -> str:
        return changed(name, others)

    other = _moved(renamed_schema(schema, rename), rng)
    kept = []
    for pair, values in asked:
        query = parse(pair.pipe_sql)
        new = renamed_query(query, rename)
        operators = tuple(print_operators(new))
        if operators == pair.operators or not _understood(pair, values, query, schema, others):
            continue
        resolve(new, other)
        there = tuple((rename(table), rename(column), value) for table, column, value in values)
        kept.append((replace(pair, question=changed(pair.question, others), operators=operators), there))
    return Disguise(others, other, tuple(kept))


def _exchanged(schema: Schema, pairs: Iterable[GoldenPair], known: Sequence[str], rng: random.Random) -> dict[str, str]:
    """Which words are exchanged for which; no two for the same, and none for a word that is used here."""
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
    asked = {table.name: table for table in filter(None, map(schema.table, tables_read(query)))}
    owners = [[table for table in asked.values() if table.column(name)] for name in named]
    spoken_of = asked.keys() - {owner.name for owner, *rest in filter(None, owners) if not rest}
    there = {word for text in texts for word in stems(text)}
    needed = {word for name in named | spoken_of for word in stems(name)}
    return not there & others.keys() and (needed & others.keys()) <= spoken


def _moved(schema: Schema, rng: random.Random) -> Schema:
    """The tables in another order, and the columns of each behind the first."""

    def columns(table: Table) -> Table:
        first, *rest = table.columns
        return replace(table, columns=(first, *rng.sample(rest, len(rest))))

    return replace(schema, tables=tuple(map(columns, rng.sample(schema.tables, len(schema.tables)))))


def _schema_stems(schema: Schema) -> set[str]:
    names = [name for table in schema for name in (table.name, *(column.name for column in table.columns))]
    return {word for name in names for word in stems(name)}
