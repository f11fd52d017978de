"""The samples of many pairs, made database by database in several processes; the number changes nothing."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pipesql.assistant_tools.grounding import matching_values
from pipesql.assistant_tools.toolbox import Toolbox
from pipesql.chat.prompts import Value
from pipesql.errors import PipesqlError
from pipesql.execution.database import Database
from pipesql.pipe.operators import keyword
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.schema import Schema
from pipesql.processes import results
from pipesql.progress import Progress
from pipesql.records import RENAMING_SIGN, GoldenPair, Sample
from pipesql.samples.conversations import converse
from pipesql.samples.layouts import PREFIX_LIMITS, Options, broken_prefix, lay_out
from pipesql.samples.leaks import normalised
from pipesql.samples.renaming import rename_database, vocabulary

IN_PROCESS = 600
"""Up to this many pairs one process works alone: starting others would take longer."""
_SHOWN = 5


@dataclass(frozen=True)
class Built:
    """Samples in the pairs' order, and their counts."""

    samples: list[Sample] = field(default_factory=list)
    operators: dict[str, int] = field(default_factory=dict)
    """How often each operator occurs in the queries, by keyword."""
    lengths: dict[int, int] = field(default_factory=dict)
    """Number of operators → number of queries that have it."""
    prefixes: int = 0
    """Prefixes executed."""
    grounded: int = 0
    """Queries whose prompt holds values."""


@dataclass(frozen=True)
class _Group:
    """The pairs of one database, each with its place among all and whether it gets a conversation."""

    database: Database
    pairs: tuple[tuple[int, GoldenPair, bool], ...]
    options: Options
    known: tuple[str, ...] | None
    """The words for renamings, if any are wanted."""
    taken: frozenset[str]


@dataclass(frozen=True)
class _Made:
    place: tuple[int, int]
    samples: tuple[Sample, ...]
    operators: tuple[str, ...]
    grounded: bool
    broken: str


def build(
    pairs: Sequence[GoldenPair], options: Options, taken: Iterable[str] = (), workers: int | None = None
) -> Built:
    """Make the samples of golden pairs with `workers` processes (None: one a core, or one for a small set).

    Training pairs get the renamings that `options` ask for; a renamed question in the words of one of `taken` is left
    out.
    Raises BadInput for a database that cannot be read, PipesqlError naming the pairs with a prefix that does not run.
    """
    groups = _group(pairs, options, frozenset(map(normalised, taken)))
    if workers is None:
        workers = 1 if len(pairs) <= IN_PROCESS else os.cpu_count() or 1
    made: list[_Made] = []
    with Progress("samples", len(pairs), "queries") as progress:
        for group in results(_make_group, groups, workers):
            made += group
            progress.update(sum(one.place[0] == 0 for one in group))
    made.sort(key=lambda one: one.place)
    if broken := [one.broken for one in made if one.broken]:
        raise PipesqlError(
            f"{len(broken)} golden pairs have a prefix that does not execute ({'; '.join(broken[:_SHOWN])}"
            f"{'; …' if len(broken) > _SHOWN else ''}); please report it as a defect of pipesql, "
            "or build with execute_prefixes=0"
        )
    lengths = Counter(len(pair.operators) for pair in pairs)
    return Built(
        samples=[sample for one in made for sample in one.samples],
        operators=dict(Counter(word for one in made for word in one.operators).most_common()),
        lengths=dict(sorted(lengths.items())),
        prefixes=sum(lengths.elements()) if options.execute_prefixes else 0,
        grounded=sum(one.grounded for one in made),
    )


def _group(pairs: Sequence[GoldenPair], options: Options, taken: frozenset[str]) -> list[_Group]:
    """Pairs by database, the largest first; conversations are drawn among all of them."""
    count = round(options.tool_ratio * len(pairs))
    talks = set(random.Random(f"{options.seed}/tools").sample(range(len(pairs)), count))
    found: dict[str, list[tuple[int, GoldenPair, bool]]] = {}
    for place, pair in enumerate(pairs):
        found.setdefault(pair.database, []).append((place, pair, place in talks))
    learnt = options.renamings and all(pair.split == "train" for pair in pairs)
    known = vocabulary([Database(path).schema for path in found]) if learnt else None
    groups = [_Group(Database(path), tuple(members), options, known, taken) for path, members in found.items()]
    return sorted(groups, key=lambda group: -len(group.pairs))


def _make_group(group: _Group) -> list[_Made]:
    options, database, schema = group.options, group.database, group.database.schema
    shown = schema if options.keys else schema.without_keys()
    made = []
    shown_values = []
    with database.open(PREFIX_LIMITS) as connection, Toolbox(database) as box:
        for place, pair, talks in group.pairs:
            values = matching_values(database, pair.question, options.values)
            shown_values.append((pair, values))
            samples = list(lay_out(pair, shown, options.layout, values))
            broken = broken_prefix(pair, schema, connection) if options.execute_prefixes else ""
            if talks and not broken:
                samples.append(converse(pair, box, options.seed, values))
            operators = tuple(keyword(operator) for operator in parse(pair.pipe_sql).operators)
            made.append(_Made((0, place), tuple(samples), operators, bool(values), broken))
    return [*made, *_renamed(group, shown, shown_values)]


def _renamed(group: _Group, schema: Schema, pairs: Sequence[tuple[GoldenPair, Sequence[Value]]]) -> Iterator[_Made]:
    """The samples of the group's pairs under other names, after all others; ids and databases end in `@` and a number.

    Their operators are not counted again.
    """
    if group.known is None:
        return
    places = {pair.id: place for place, pair, _ in group.pairs}
    for number in range(1, group.options.renamings + 1):
        seed = f"{group.options.seed}/{pairs[0][0].db_id}/{number}"
        renaming = rename_database(schema, pairs, group.known, seed)
        for pair, values in renaming.pairs:
            if normalised(pair.question) not in group.taken:
                named = replace(
                    pair, id=f"{pair.id}{RENAMING_SIGN}{number}", db_id=f"{pair.db_id}{RENAMING_SIGN}{number}"
                )
                samples = tuple(lay_out(named, renaming.schema, group.options.layout, values))
                yield _Made((number, places[pair.id]), samples, (), False, "")
