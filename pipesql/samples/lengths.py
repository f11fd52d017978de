"""Lengths of samples in tokens of a model, or in characters without a tokenizer, and their histogram."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipesql.chat.template import sequence
from pipesql.records import Sample

DEFAULT = "smol"
NO_TOKENIZER = (
    "lengths are in characters: the tokenizer of smol is not on this machine; "
    "train once with model smol, or give tokenizer=smol (fetches it) or the folder of a model"
)


@dataclass(frozen=True)
class Length:
    """The length of a whole sample, and of the part that the loss counts."""

    whole: int
    learnt: int


@dataclass(frozen=True)
class Ruler:
    """The unit of lengths. `tokenizer` is None for characters; `name` and `note` are for reports."""

    unit: str
    name: str
    note: str
    tokenizer: Any = None

    def measure(self, samples: Sequence[Sample]) -> list[Length]:
        """The length of each sample."""
        if self.tokenizer is None:
            return [_characters(sample) for sample in samples]
        found = (sequence(self.tokenizer, sample) for sample in samples)
        return [Length(len(tokens.ids), tokens.targets) for tokens in found]


def ruler(tokenizer: str = "auto") -> Ruler:
    """The ruler for a model's name or folder; `auto` is smol if it is on this machine, else characters.

    Raises ModelUnavailable for a named model that cannot be found.
    """
    if tokenizer == "auto":
        from pipesql.models.packages import is_converted
        from pipesql.models.sources import sources

        if not is_converted(sources()[DEFAULT]):
            return Ruler("characters", "", NO_TOKENIZER)
    from pipesql.models import resolve_model
    from pipesql.models.load import load_tokenizer

    source = resolve_model(DEFAULT if tokenizer == "auto" else tokenizer)
    return Ruler("tokens", source.description, "", load_tokenizer(source))


def _characters(sample: Sample) -> Length:
    """Characters of all messages, tools and targets, without the template's own."""
    calls = [json.dumps(m.get("tool_calls")) for m in sample.prompt if m.get("tool_calls") and m.get("weight") != 0]
    learnt = sum(map(len, [*calls, *sample.targets]))
    read = sum(len(m["content"] or "") for m in sample.prompt)
    tools = len(json.dumps(sample.tools)) if sample.tools else 0
    return Length(learnt + read + tools, learnt)


WIDTH, HEIGHT, BINS = 960, 120, 48


@dataclass(frozen=True)
class Bar:
    """A bar's place and size, its count, and its range of lengths (from `start`, below `end`)."""

    x: float
    y: float
    width: float
    height: float
    count: int
    start: int
    end: int


@dataclass(frozen=True)
class Histogram:
    """Bars, for an SVG of `width` × `height`; `limit_x` is the place of `max_length`, or -1 if no length exceeds it."""

    bars: tuple[Bar, ...]
    longest: int
    most: int
    limit_x: float
    width: int = WIDTH
    height: int = HEIGHT


def histogram(lengths: Sequence[int], max_length: int) -> Histogram:
    """Up to BINS bars of equal width from 0 to the longest."""
    longest = max(lengths, default=0)
    step = max(1, -(-(longest + 1) // BINS))
    counts = [0] * (longest // step + 1)
    for length in lengths:
        counts[length // step] += 1
    most = max(counts)
    width = WIDTH / len(counts)
    bars = []
    for place, count in enumerate(counts):
        height = HEIGHT * count / most if most else 0.0
        bars.append(
            Bar(
                round(place * width, 2),
                round(HEIGHT - height, 2),
                round(max(width - 1, 1), 2),
                round(height, 2),
                count,
                place * step,
                (place + 1) * step,
            )
        )
    limit_x = round(WIDTH * max_length / (step * len(counts)), 2) if longest > max_length else -1
    return Histogram(tuple(bars), longest, most, limit_x)
