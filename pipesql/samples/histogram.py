"""Lengths as bars, laid out for an SVG of WIDTH × HEIGHT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, BINS = 960, 120, 48


@dataclass(frozen=True)
class Bar:
    """A bar's place and size, what it counts, and the lengths (from, below) that it stands for."""

    x: float
    y: float
    width: float
    height: float
    count: int
    start: int
    end: int


@dataclass(frozen=True)
class Histogram:
    """Bars; `limit_x` is where `max_length` stands, or -1 where all lengths lie below it."""

    bars: tuple[Bar, ...]
    longest: int
    most: int
    limit_x: float
    width: int = WIDTH
    height: int = HEIGHT


def histogram(lengths: Sequence[int], max_length: int) -> Histogram:
    """At most BINS bars of equal width from 0 to the longest."""
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
