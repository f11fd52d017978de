"""Train and dev kept apart: by database, and by what is asked.

No database may be in both splits: that fails the build. A question that is asked in dev, word for word, is withheld
from training wherever it is asked: public benchmarks hold generic questions on several databases ("How many players
are there?"), so finding one is no mistake of the user's, but training on it would be a leak all the same. The count
and the ids go into the manifest.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipesql.errors import PipesqlError
from pipesql.records import GoldenPair


@dataclass(frozen=True)
class Splits:
    """Golden pairs of both splits, and those of train that are withheld because dev asks the same question."""

    train: list[GoldenPair]
    dev: list[GoldenPair]
    withheld: list[GoldenPair]

    def leak_report(self) -> dict[str, Any]:
        """What was checked and what was found, for the manifest."""
        train, dev = {p.database_digest for p in self.train}, {p.database_digest for p in self.dev}
        asked = {normalised(p.question) for p in self.train} & {normalised(p.question) for p in self.dev}
        return {
            "train_databases": len(train),
            "dev_databases": len(dev),
            "shared_databases": len(train & dev),
            "shared_questions": len(asked),
            "withheld_from_train": len(self.withheld),
            "withheld_ids": [p.id for p in self.withheld],
        }


def split_pairs(pairs: Sequence[GoldenPair], dev_questions: Sequence[str] = ()) -> Splits:
    """Pairs by their split, checked against leaks.

    `dev_questions` are questions of dev that gave no golden pair; training must not see them either.
    Raises PipesqlError naming the databases (by id, or with the same bytes under two ids) that are in both splits.
    """
    train = [p for p in pairs if p.split == "train"]
    dev = [p for p in pairs if p.split != "train"]
    _check_databases(train, dev)
    asked = {normalised(text) for text in [*(p.question for p in dev), *dev_questions]}
    return Splits(
        train=[p for p in train if normalised(p.question) not in asked],
        dev=dev,
        withheld=[p for p in train if normalised(p.question) in asked],
    )


def _check_databases(train: Sequence[GoldenPair], dev: Sequence[GoldenPair]) -> None:
    ids = {p.db_id for p in train} & {p.db_id for p in dev}
    digests = {p.database_digest: p.db_id for p in train}
    ids |= {
        f"{digests[p.database_digest]} = {p.db_id}" for p in dev if p.database_digest in digests and p.db_id not in ids
    }
    if ids:
        raise PipesqlError(
            f"{len(ids)} databases are in train and in dev ({', '.join(sorted(ids)[:5])}"
            f"{', …' if len(ids) > 5 else ''}); split the benchmark by database"
        )


def normalised(text: str) -> str:
    """A question's words without case, spacing and punctuation: equal means that the same is asked."""
    words = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in words).split())
