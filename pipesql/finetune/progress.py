"""A training as people see it: progress on the terminal or in a log, and the loss curve as a picture."""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from pipesql.storage import write_bytes

LINES = 10
"""About the number of lines that a log gets from a run."""
SHOWN = {
    "train/loss": ("loss", ".3f"),
    "train/token_accuracy": ("accuracy", ".3f"),
    "train/tokens_per_second": ("tokens/s", ".0f"),
}
"""Metric → (label, format), for fine-tuning on samples."""


class TrainingProgress(TrainerCallback):  # type: ignore[misc]
    """A bar over optimizer steps with the latest numbers, or in a log a line now and then; evaluations print a line.

    With `silent` it shows nothing: of several processes only the first one reports.
    """

    def __init__(
        self, name: str = "train", shown: Mapping[str, tuple[str, str]] = SHOWN, *, silent: bool = False
    ) -> None:
        self._name, self._shown, self._silent = name, shown, silent
        self._bar: Any = None
        self._due = 0  # the step at which a log gets its next line

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Open the bar."""
        self._bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc=self._name,
            unit="step",
            disable=self._silent or not sys.stderr.isatty(),
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move the bar."""
        self._bar.update(1)

    def show(self, values: dict[str, float], step: int) -> None:
        """Show metrics (names as in `Metrics`); in a log about ten times in a run."""
        numbers = {label: format(values[name], form) for name, (label, form) in self._shown.items() if name in values}
        if "eval/loss" in values:
            self.write_line(f"eval:  step {step}  loss {values['eval/loss']:.3f}")
        elif not self._bar.disable:
            self._bar.set_postfix(numbers, refresh=False)
        elif step >= self._due:
            stride = max(1, self._bar.total // LINES)
            self._due = (step // stride + 1) * stride
            line = "  ".join(f"{label} {value}" for label, value in numbers.items())
            self.write_line(f"{self._name}: step {step}/{self._bar.total}  {line}")

    def write_line(self, line: str) -> None:
        """Print a line beside the bar."""
        if not self._silent:
            tqdm.write(line, file=sys.stderr)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self._bar.close()


CURVE_FILE = "loss.png"
SMOOTHED = 20
"""The training curve is averaged over one of that many parts, because packs differ in difficulty."""

History = Sequence[tuple[int, dict[str, float]]]
"""(optimizer step, metrics of that step), in order, as in `Metrics.history`."""


def draw_curve(history: History, title: str, path: Path, best: int | None = None, rewinds: Sequence[int] = ()) -> Path:
    """Draw training and evaluation loss (nats per target token) and the learning rate over steps; returns `path`.

    `best` is the step of the best checkpoint, `rewinds` the steps from which the guard went back. Raises StorageError
    where the file cannot be written.
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
