"""The samples of a build in numbers, including those that training will leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipesql.records import Sample, original
from pipesql.samples.build import Built
from pipesql.samples.conversations import depth_in, has_repair
from pipesql.samples.layouts import Options
from pipesql.samples.lengths import Length, Ruler


def statistics(
    built: Mapping[str, Built], lengths: Mapping[str, Sequence[Length]], options: Options, ruler: Ruler
) -> dict[str, Any]:
    """The document `stats.json`: for each split its samples, queries, databases, operators and lengths.

    A sample longer than `max_length` is too long: training drops it whole (unless its recipe's `max_length` is larger).
    """
    splits = {split: _split(one, lengths[split], options) for split, one in built.items()}
    learnt = sum(one["queries"] for split, one in splits.items() if split != "dev")
    return {
        "layout": options.layout,
        "unit": ruler.unit,
        "tokenizer": ruler.name,
        "note": ruler.note,
        "max_length": options.max_length,
        "train_share": splits["train"]["queries"] / learnt if learnt else 0.0,
        "splits": splits,
    }


def _split(built: Built, lengths: Sequence[Length], options: Options) -> dict[str, Any]:
    samples = built.samples
    too_long = [s.id for s, length in zip(samples, lengths, strict=True) if length.whole > options.max_length]
    talks = [s for s in samples if s.layout == "tools"]
    return {
        "samples": len(samples),
        "queries": sum(built.lengths.values()),
        "databases": len({s.db_id for s in samples}),
        "renamed": sum(original(s.db_id) != s.db_id for s in samples),
        "by_layout": dict(Counter(s.layout for s in samples)),
        "prefixes_executed": built.prefixes,
        "operators": built.operators,
        "operators_per_query": {str(count): queries for count, queries in built.lengths.items()},
        "queries_with_values": built.grounded,
        "conversations": {
            "by_depth": dict(sorted(Counter(map(depth_in, talks)).items())),
            "with_repair": sum(map(has_repair, talks)),
        },
        "lengths": _lengths(samples, lengths),
        "too_long": len(too_long),
        "too_long_ids": too_long,
    }


def _lengths(samples: Sequence[Sample], lengths: Sequence[Length]) -> dict[str, Any]:
    """Lengths by layout: of whole samples, and of the part that the loss counts."""
    found = {}
    for layout in dict.fromkeys(sample.layout for sample in samples):
        of_layout = [length for sample, length in zip(samples, lengths, strict=True) if sample.layout == layout]
        found[layout] = {
            "whole": _summary([length.whole for length in of_layout]),
            "learnt": _summary([length.learnt for length in of_layout]),
        }
    return found


def _summary(values: Sequence[int]) -> dict[str, int]:
    """Sum, and values at a few ranks; 95% do not exceed `p95`."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "sum": sum(ordered),
        "shortest": ordered[0],
        "median": ordered[last // 2],
        "p95": ordered[-(-last * 95 // 100)],
        "longest": ordered[-1],
    }


def statistics_text(stats: Mapping[str, Any]) -> str:
    """The statistics in a few lines, with a newline at the end."""
    lines = []
    for split, one in stats["splits"].items():
        kinds = ", ".join(f"{count} {layout}" for layout, count in one["by_layout"].items())
        lines.append(f"{split:<11}{one['queries']} queries of {one['databases']} databases: {kinds or 'no samples'}")
        if one["renamed"]:
            lines.append(f"{'':<11}{one['renamed']} of the samples are under other names")
        for layout, lengths in one["lengths"].items():
            whole, learnt = lengths["whole"], lengths["learnt"]
            lines.append(
                f"{'':<11}{layout}: {whole['sum']:,} {stats['unit']}, {learnt['sum']:,} of them learnt; "
                f"median {whole['median']}, longest {whole['longest']}"
            )
        if one["too_long"]:
            long = f"{one['too_long']} samples are longer than max_length {stats['max_length']}"
            lines.append(f"{'':<11}{long}: training drops them")
    if stats["note"]:
        lines.append(f"note: {stats['note']}")
    return "\n".join(lines) + "\n"
