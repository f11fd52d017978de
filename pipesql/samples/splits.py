"""Train, validation and dev, which share neither databases nor questions.

A database must not be in two splits. `leaks` defines what fails the build and what is withheld from training instead.
Validation, if wanted, is taken from train, in whole databases: the evaluation loss is then measured on neither the
training data nor the data by which models are compared.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipesql.errors import InvalidOption
from pipesql.records import GoldenPair, Question
from pipesql.samples.leaks import Twin, check_databases, normalised, twins


@dataclass(frozen=True)
class Splits:
    """Golden pairs by split, and those of train that are withheld because dev has the same question."""

    train: list[GoldenPair]
    dev: list[GoldenPair]
    withheld: list[Twin]
    validation: list[GoldenPair]

    def parts(self) -> dict[str, list[GoldenPair]]:
        """The pairs to make samples of, by split; validation only if there is one."""
        return {"train": self.train, **({"validation": self.validation} if self.validation else {}), "dev": self.dev}

    def questions(self) -> list[str]:
        """The questions of validation and dev, on which models are measured."""
        return [pair.question for pair in (*self.validation, *self.dev)]

    def leak_report(self) -> dict[str, Any]:
        """The document `leaks.json`: what was compared, and what is shared or withheld."""
        train, dev = ({p.database_digest for p in pairs} for pairs in (self.train, self.dev))
        validation = {p.database_digest for p in self.validation}
        shared = {normalised(p.question) for p in self.train} & {normalised(p.question) for p in self.dev}
        return {
            "train_databases": len(train),
            "validation_databases": len(validation),
            "dev_databases": len(dev),
            "shared_databases": len(train & dev) + len(train & validation) + len(validation & dev),
            "shared_questions": len(shared),
            "withheld_from_train": len(self.withheld),
            "withheld_ids": [twin.train.id for twin in self.withheld],
            "withheld": [
                {
                    "id": twin.train.id,
                    "db_id": twin.train.db_id,
                    "question": twin.train.question,
                    "dev_id": twin.dev.id,
                    "dev_db_id": twin.dev.db_id,
                }
                for twin in self.withheld
            ],
        }


def split_pairs(
    pairs: Sequence[GoldenPair], questions: Sequence[Question] = (), validation: float = 0.0, seed: int = 0
) -> Splits:
    """Pairs by their split, checked against leaks, with the share `validation` of train held back.

    `questions` are all questions of the benchmark: those of dev without a golden pair must not be in train either.
    Raises PipesqlError naming the leaks, InvalidOption if no whole database fits into `validation`.
    """
    train = [p for p in pairs if p.split == "train"]
    dev = [p for p in pairs if p.split != "train"]
    golden = {p.id for p in dev}
    held_out: list[GoldenPair | Question] = [*dev, *(q for q in questions if q.split != "train" and q.id not in golden)]
    check_databases(train, held_out)
    withheld = twins(train, held_out)
    gone = {twin.train.id for twin in withheld}
    kept = [p for p in train if p.id not in gone]
    held = _held_back(kept, validation, seed) if validation else set()
    return Splits(
        train=[p for p in kept if p.db_id not in held],
        dev=dev,
        withheld=withheld,
        validation=[replace(p, split="validation") for p in kept if p.db_id in held],
    )


def _held_back(train: Sequence[GoldenPair], share: float, seed: int) -> set[str]:
    """Databases drawn by the seed, each taken if it fits, with up to this share of the pairs."""
    sizes = Counter(pair.db_id for pair in train)
    order = sorted(sizes)
    random.Random(f"{seed}/validation").shuffle(order)
    room, held = share * len(train), set()
    for db_id in order:
        if sizes[db_id] <= room:
            room -= sizes[db_id]
            held.add(db_id)
    if not held:
        raise InvalidOption(
            f"validation={share} of {len(train)} training queries is less than one database "
            f"(the smallest has {min(sizes.values(), default=0)}); give a larger share, or 0"
        )
    return held
