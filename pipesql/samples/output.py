"""The sample files of a data folder: the samples, one file a split, their statistics, leak report and preview."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipesql.chat.trees import lines
from pipesql.samples.build import Built
from pipesql.samples.layouts import Options
from pipesql.samples.leaks import LEAKS, leak_metrics
from pipesql.samples.lengths import ruler
from pipesql.samples.preview import page
from pipesql.samples.splits import Splits
from pipesql.samples.stats import statistics
from pipesql.storage import atomic_write, write_json, write_jsonl

STATS = "stats.json"
PREVIEW = "preview.html"
ARTIFACTS = (STATS, LEAKS, PREVIEW)
"""Files that are logged with a run."""
PREVIEWED = 30
"""Samples of each split and layout that the page of a build shows."""


def write(
    folder: Path, built: Mapping[str, Built], splits: Splits, options: Options, title: str = "Samples"
) -> dict[str, Any]:
    """Write samples, statistics, leak report and preview; returns the statistics.

    Raises StorageError if they cannot be written, ModelUnavailable for a tokenizer that cannot be found.
    """
    measure = ruler(options.tokenizer)
    for split, one in built.items():
        write_jsonl(folder / f"samples.{split}.jsonl", lines(one.samples))
    lengths = {split: measure.measure(one.samples) for split, one in built.items()}
    stats = statistics(built, lengths, options, measure)
    write_json(folder / STATS, stats)
    write_json(folder / LEAKS, splits.leak_report())
    with atomic_write(folder / PREVIEW) as out:
        texts = {split: one.samples for split, one in built.items()}
        out.write(page(texts, lengths, measure, options.max_length, PREVIEWED, title))
    return stats


def metrics(stats: Mapping[str, Any], splits: Splits) -> dict[str, float]:
    """Samples, conversations and lengths by split, and the counts of the leak report."""
    found = leak_metrics(splits.leak_report())
    found["samples/withheld"] = found["leaks/withheld_from_train"]
    for split, one in stats["splits"].items():
        found[f"samples/{split}"] = float(one["samples"])
        found[f"samples/{split}_renamed"] = float(one["renamed"])
        found[f"samples/{split}_too_long"] = float(one["too_long"])
        found[f"samples/{split}_conversations"] = float(one["by_layout"].get("tools", 0))
        found[f"samples/{split}_{stats['unit']}"] = float(sum(of["whole"]["sum"] for of in one["lengths"].values()))
    return found
