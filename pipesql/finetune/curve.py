"""The loss curve of a run as a picture: what was logged, where the best checkpoint lies, where the guard went back."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipesql.files import write_bytes

FILE = "loss.png"
SMOOTHED = 20
"""So many parts a training curve is averaged over, so that packs of different difficulty do not hide its course."""

History = Sequence[tuple[int, dict[str, float]]]
"""(optimizer step, metrics of that step), in order, as `Metrics.history` has them."""


def draw_curve(history: History, title: str, path: Path, best: int | None = None, rewinds: Sequence[int] = ()) -> Path:
    """Draw training and evaluation loss (nats per target token) and the learning rate over steps; returns `path`.

    `best` is the step of the best checkpoint, `rewinds` the steps at which the guard went back. Raises BadInput where
    the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    train, measured = _series(history, "train/loss"), _series(history, "eval/loss")
    if train[0]:
        axes.plot(*train, color="tab:blue", alpha=0.3, linewidth=0.8)
        axes.plot(train[0], _smooth(train[1]), color="tab:blue", label="train loss")
    if measured[0]:
        axes.plot(*measured, color="tab:orange", marker="o", markersize=4, label="eval loss")
    if best is not None and best in measured[0]:
        axes.plot([best], [measured[1][measured[0].index(best)]], "*", color="tab:green", markersize=14, label="best")
    for number, step in enumerate(rewinds):
        axes.axvline(step, color="tab:red", linewidth=0.8, label="rewind" if number == 0 else None)
    axes.set(title=title, xlabel="optimizer step", ylabel="loss, nats per target token")
    if min([*train[1], *measured[1]], default=0) > 0:
        axes.set_yscale("log")
    _add_learning_rate(axes, _series(history, "train/learning_rate"))
    axes.grid(alpha=0.2, which="both")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper right")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    write_bytes(path, picture.getvalue())
    return path


def _series(history: History, name: str) -> tuple[list[int], list[float]]:
    """Steps and values of one metric."""
    found = [(step, values[name]) for step, values in history if name in values]
    return [step for step, _ in found], [value for _, value in found]


def _smooth(values: Sequence[float]) -> list[float]:
    """Each value averaged with those just before it, over a twentieth of the series."""
    width = max(1, len(values) // SMOOTHED)
    sums = [0.0, *itertools.accumulate(values)]
    starts = (max(0, end - width) for end in range(1, len(sums)))
    return [(sums[end] - sums[start]) / (end - start) for end, start in enumerate(starts, 1)]


def _add_learning_rate(axes: Any, rates: tuple[list[int], list[float]]) -> None:
    if rates[0]:
        other = axes.twinx()
        other.plot(*rates, color="tab:gray", linewidth=0.8, linestyle="--")
        other.set_ylabel("learning rate (dashed)")
        other.set_ylim(bottom=0)
