"""New pairs proposed by the rules; those are kept that pass the proof of every gold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

from pipesql.augment.composition import Filter, filter_of, filtered
from pipesql.augment.source import Change, Source, parsed, reader
from pipesql.augment.substitution import other_columns, other_tables, other_values
from pipesql.errors import BadInput
from pipesql.execution.database import Database
from pipesql.records import GoldenPair, Question, Rejection
from pipesql.storage import write_jsonl

AUGMENTED = "augmented.jsonl"
"""The file of new pairs, beside `golden.jsonl` with the benchmark's own."""

RULES: dict[str, Callable[[Source], Iterator[Change]]] = {
    "value": other_values,
    "column": other_columns,
    "table": other_tables,
}
"""The rules that need one pair; `composition` needs two."""


class Proof(Protocol):
    """A build of golden pairs."""

    @property
    def pairs(self) -> list[GoldenPair]:
        """The questions that are golden."""

    @property
    def rejections(self) -> list[Rejection]:
        """The questions that are not golden."""


@dataclass(frozen=True)
class Proposal:
    """A question that a rule made from `parents`, ids of golden pairs."""

    question: Question
    rule: str
    parents: tuple[str, ...]


@dataclass(frozen=True)
class Grown:
    """The new golden pairs, each with its parents' ids, and the numbers of proposals and golden ones by rule."""

    pairs: list[GoldenPair] = field(default_factory=list)
    proposed: dict[str, int] = field(default_factory=dict)
    golden: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    """Proposals that did not become pairs, by reason; `empty`: golden, but the query finds nothing."""

    def manifest(self) -> dict[str, Any]:
        """The manifest's entry: counts by rule and reason; empty if nothing was proposed."""
        if not self.proposed:
            return {}
        return {"augmentation": {"proposed": self.proposed, "golden": self.golden, "lost": self.lost}}

    def write(self, folder: Path) -> None:
        """Write the pairs to `AUGMENTED` in the folder, if there are any proposals."""
        if self.proposed:
            write_jsonl(folder / AUGMENTED, self.pairs)

    def artifacts(self) -> list[str]:
        """Names of the files that `write` writes."""
        return [AUGMENTED] if self.proposed else []

    def metrics(self) -> dict[str, float]:
        """The numbers of proposals and golden ones by rule, as metrics."""
        counts = {f"augment/proposed_{rule}": float(n) for rule, n in self.proposed.items()}
        return counts | {f"augment/golden_{rule}": float(n) for rule, n in self.golden.items()}

    def notes(self) -> list[str]:
        """A line for the user about each rule, if there are any."""
        return [
            f"augmentation by {rule}: {self.golden.get(rule, 0)} golden of {count} proposed"
            for rule, count in self.proposed.items()
        ]


def grow(
    pairs: Sequence[GoldenPair], per_pair: int, seed: int, prove: Callable[[Sequence[Question], int], Proof]
) -> Grown:
    """Make up to `per_pair` new pairs from each train pair, drawn by `seed`, proved by `prove` (`golden.build`).

    A new pair that finds no rows is left out: its question would be about nothing. Raises InvalidOption for a negative
    number, BadInput for a database that cannot be read.
    """
    if per_pair < 0:
        raise BadInput(f"augment is {per_pair}; give 0 for none, or how many new pairs to make of a pair at most")
    if not per_pair:
        return Grown()
    proposals = {p.question.id: p for p in propose(pairs, per_pair, seed)}
    proof = prove([p.question for p in proposals.values()], seed)
    kept = [p for p in proof.pairs if p.rows]
    lost = Counter(r.reason for r in proof.rejections)
    if len(kept) < len(proof.pairs):
        lost["empty"] = len(proof.pairs) - len(kept)
    return Grown(
        [replace(p, parents=proposals[p.id].parents) for p in kept],
        dict(sorted(Counter(p.rule for p in proposals.values()).items())),
        dict(sorted(Counter(proposals[p.id].rule for p in kept).items())),
        dict(sorted(lost.items())),
    )


def propose(pairs: Sequence[GoldenPair], per_pair: int, seed: int) -> Iterator[Proposal]:
    """Up to `per_pair` proposals for each train pair, in the pairs' order; no question or query is repeated."""
    train = [p for p in pairs if p.split == "train"]
    by_database: dict[str, list[GoldenPair]] = {}
    for pair in train:
        by_database.setdefault(pair.database, []).append(pair)
    questions = {_plain(p.question) for p in pairs}
    for path, members in by_database.items():
        database = Database(path)
        queries = {_plain(p.gold_sql) for p in members}
        for source, filters in _sources(database, members):
            made = 0
            for rule, change in _drawn(source, filters, random.Random(f"{seed}/{source.pair.id}")):
                sql = change.tree.sql(database.dialect)
                if made == per_pair or _plain(change.question) in questions or _plain(sql) in queries:
                    continue
                questions.add(_plain(change.question))
                queries.add(_plain(sql))
                made += 1
                yield Proposal(_question(source.pair, change, sql, made), rule, (source.pair.id, *change.others))


def _sources(database: Database, pairs: Sequence[GoldenPair]) -> Iterator[tuple[Source, list[Filter]]]:
    schema = database.schema
    with database.open() as connection:
        values = reader(connection)
        trees = [(pair, parsed(pair, database)) for pair in pairs]
        sources = [Source(pair, tree, schema, values) for pair, tree in trees if tree is not None]
        filters = [found for source in sources if (found := filter_of(source)) is not None]
        for source in sources:
            yield source, filters


def _drawn(source: Source, filters: Sequence[Filter], chance: random.Random) -> Iterator[tuple[str, Change]]:
    """All changes in a random order, the rules in turn, so that a rule with many changes does not crowd out others."""
    found = {name: list(rule(source)) for name, rule in RULES.items()}
    found["composition"] = list(filtered(source, filters))
    turns = [[(name, change) for change in chance.sample(changes, len(changes))] for name, changes in found.items()]
    chance.shuffle(turns)
    for turn in zip_longest(*turns):
        yield from (each for each in turn if each is not None)


def _question(pair: GoldenPair, change: Change, sql: str, number: int) -> Question:
    return Question(
        id=f"{pair.id}~{number}",
        db_id=pair.db_id,
        database=pair.database,
        question=change.question,
        gold_sql=sql,
        benchmark=pair.benchmark,
        split=pair.split,
        evidence=pair.evidence,
    )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
