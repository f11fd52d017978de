"""The samples of a data folder, checked for leaks again before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipesql.chat.trees import read_samples
from pipesql.errors import PipesqlError
from pipesql.records import GoldenPair, Sample, original, query_of
from pipesql.samples.leaks import normalised
from pipesql.storage import read_jsonl

GOLDEN, AUGMENTED = "golden.jsonl", "augmented.jsonl"
"""The files of a data folder that hold pairs (`golden.output`, `augment.grow`)."""
_SHOWN = 5


def pairs_of(folder: Path) -> dict[str, GoldenPair]:
    """The pairs of a data folder by id: the benchmark's own, and the augmented ones if there are any.

    Raises InvalidFile for a file that is missing or malformed.
    """
    files = [folder / GOLDEN] + [path for path in [folder / AUGMENTED] if path.is_file()]
    return {pair.id: pair for path in files for pair in read_jsonl(path, GoldenPair)}


def examine(folder: Path) -> dict[str, Any]:
    """The leak report of the files in `folder` as they are now; they may have changed since the build.

    The databases (by id and bytes) and questions (by their words) of the training samples are compared with those of
    all dev pairs. Raises PipesqlError naming the samples that leak, or that have no golden pair; InvalidFile for a file
    that cannot be read.
    """
    pairs = pairs_of(folder)
    dev = [pair for pair in pairs.values() if pair.split == "dev"]
    ids, digests = {pair.db_id for pair in dev}, {pair.database_digest for pair in dev}
    questions = {normalised(pair.question) for pair in dev}
    learnt = list(read_samples(folder / "samples.train.jsonl"))
    faults: dict[str, list[str]] = {"database": [], "question": [], "unknown": []}
    for sample in learnt:
        name = query_of(sample.id, sample.layout)
        if kind := _fault(sample, pairs.get(name) or pairs.get(original(name)), ids, digests, questions):
            faults[kind].append(sample.id)
    if any(faults.values()):
        faulty = {
            "database": "are on a dev database",
            "question": "have a question of dev",
            "unknown": "have no golden pair",
        }
        found = [
            f"{len(names)} {faulty[kind]} ({', '.join(names[:_SHOWN])})" for kind, names in faults.items() if names
        ]
        raise PipesqlError(f"samples of {folder} must not be trained on: {'; '.join(found)}; run the data step again")
    return {
        "train_samples": len(learnt),
        "train_databases": len({sample.db_id for sample in learnt}),
        "dev_databases": len(ids),
        "dev_questions": len(questions),
        "shared_databases": 0,
        "shared_questions": 0,
    }


def _fault(sample: Sample, pair: GoldenPair | None, ids: set[str], digests: set[str], questions: set[str]) -> str:
    if pair is None:
        return "unknown"
    if {sample.db_id, pair.db_id} & ids or pair.database_digest in digests:
        return "database"
    return "question" if normalised(pair.question) in questions else ""
