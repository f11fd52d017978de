"""The sample files of a data folder, one a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipesql.records import Sample, write_jsonl
from pipesql.samples.splits import Splits


def write(folder: Path, samples: Mapping[str, Sequence[Sample]]) -> None:
    """Write `samples.<split>.jsonl` for each split. Raises BadInput where that cannot be written."""
    for split, rows in samples.items():
        write_jsonl(folder / f"samples.{split}.jsonl", rows)


def metrics(samples: Mapping[str, Sequence[Sample]], splits: Splits) -> dict[str, float]:
    """How many samples each split has, and how many pairs were withheld from training."""
    return {f"samples/{split}": float(len(rows)) for split, rows in samples.items()} | {
        "samples/withheld": float(len(splits.withheld))
    }
