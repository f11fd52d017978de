"""The questions of an evaluation: those on databases that training never saw."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Iterable
from pathlib import Path

from pipesql.chat.prompts import PromptShape
from pipesql.chat.trees import read_samples
from pipesql.errors import InvalidFile, InvalidOption
from pipesql.records import GoldenPair
from pipesql.storage import read_jsonl


def prompt_shape(folder: Path) -> PromptShape:
    """What the prompts of a data folder show, from its manifest; the default shape where there is no manifest.

    Raises InvalidFile for a manifest that cannot be read.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        return PromptShape()
    try:
        config = json.loads(path.read_text(encoding="utf-8"))["config"]
        return PromptShape(config.get("layout", "folded"), int(config.get("values", 0)), bool(config.get("keys", True)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise InvalidFile(f"{path} is not the manifest of a data folder ({e}); run the data step again") from e


def golds_by_database(pairs: Iterable[GoldenPair]) -> dict[str, list[str]]:
    """The gold queries on each database, in order: those whose values are seeded into its perturbed copies."""
    golds: dict[str, list[str]] = {}
    for pair in pairs:
        golds.setdefault(pair.database, []).append(pair.gold_sql)
    return golds


SPLITS = ("dev", "validation")


def split_golds(folder: Path, split: str = "dev") -> dict[str, list[str]]:
    """`golds_by_database` of all pairs of a split of a data folder, whatever part of them is asked."""
    return golds_by_database(split_questions(folder, split))


def split_questions(
    folder: Path, split: str = "dev", limit: int = 0, seed: int = 0, only: Collection[str] = ()
) -> list[GoldenPair]:
    """The pairs of a split in `folder`/golden.jsonl, in file order; with a `limit`, a seeded sample of up to that many.

    With names of databases in `only`, no others.

    `dev` is the benchmark's own; `validation` are the pairs on the databases of train that the data step held back, on
    which a model may be chosen. Raises InvalidFile where a file is missing or malformed or the split has no pairs, and
    InvalidOption for an unknown split, a database without questions, or a negative limit.
    """
    if split not in SPLITS:
        raise InvalidOption(f"split is {split!r}: give one of {', '.join(SPLITS)}")
    held_back = _held_back(folder) if split == "validation" else frozenset()
    part = "dev" if split == "dev" else "train"
    pairs = (pair for pair in read_jsonl(folder / "golden.jsonl", GoldenPair) if pair.split == part)
    questions = [pair for pair in pairs if split == "dev" or pair.db_id in held_back]
    if not questions:
        how = "from a benchmark with one" if split == "dev" else "with validation=0.05"
        file = folder / "golden.jsonl"
        raise InvalidFile(f"{file} has no pairs of the split {split} to evaluate on; build the data {how}")
    if missing := sorted({*only} - {pair.db_id for pair in questions}):
        names = ", ".join(sorted({pair.db_id for pair in questions}))
        raise InvalidOption(f"no {split} question is on the database {missing[0]!r}: give some of {names}")
    questions = [pair for pair in questions if not only or pair.db_id in only]
    if limit < 0:
        raise InvalidOption(f"limit is {limit}: give a number of questions, or 0 for all")
    if not limit or limit >= len(questions):
        return questions
    chosen = sorted(random.Random(seed).sample(range(len(questions)), limit))
    return [questions[i] for i in chosen]


def _held_back(folder: Path) -> frozenset[str]:
    """The databases of train that the data step held back."""
    samples = folder / "samples.validation.jsonl"
    return frozenset(sample.db_id for sample in read_samples(samples)) if samples.is_file() else frozenset()
