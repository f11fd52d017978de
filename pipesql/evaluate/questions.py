"""The questions of an evaluation: those of databases that training never saw."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path

from pipesql.errors import BadInput
from pipesql.records import GoldenPair, read_jsonl


def prompt_values(folder: Path) -> int:
    """How many values of a column the prompts of a data folder hold at most, as its manifest says; 0 without one."""
    path = folder / "manifest.json"
    if not path.is_file():
        return 0
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["config"].get("values", 0))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise BadInput(f"{path} is no manifest of a data folder ({e}); run the data step again") from e


def golds_by_database(pairs: Iterable[GoldenPair]) -> dict[str, list[str]]:
    """The gold queries on each database, in order: what its disturbed copies are planted for."""
    golds: dict[str, list[str]] = {}
    for pair in pairs:
        golds.setdefault(pair.database, []).append(pair.gold_sql)
    return golds


def dev_golds(folder: Path) -> dict[str, list[str]]:
    """`golds_by_database` of all dev pairs of a data folder, however many of them are asked."""
    return golds_by_database(dev_questions(folder))


def dev_questions(folder: Path, limit: int = 0, seed: int = 0) -> list[GoldenPair]:
    """The dev pairs in `folder`/golden.jsonl; with a `limit`, a seeded sample of at most that many, in file order.

    Raises BadInput where the file is missing or malformed, or holds no dev pairs.
    """
    path = folder / "golden.jsonl"
    questions = [pair for pair in read_jsonl(path, GoldenPair) if pair.split == "dev"]
    if not questions:
        raise BadInput(
            f"{path} holds no pair of the split dev to evaluate on; build the data from a benchmark with one"
        )
    if limit < 0:
        raise BadInput(f"limit is {limit}; give a number of questions, or 0 for all")
    if not limit or limit >= len(questions):
        return questions
    chosen = sorted(random.Random(seed).sample(range(len(questions)), limit))
    return [questions[i] for i in chosen]
