"""Progress on the terminal: a bar where there is one, a line now and then in a log."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

LINES = 10
"""About so many lines a log gets of a whole run."""
SHOWN = {
    "train/loss": ("loss", ".3f"),
    "train/token_accuracy": ("accuracy", ".3f"),
    "train/tokens_per_second": ("tokens/s", ".0f"),
}
"""Metric → (label, format), of fine-tuning on samples."""


class Progress(TrainerCallback):  # type: ignore[misc]
    """One bar over optimizer steps, with the latest numbers behind it; evaluations print a line of their own.

    A `silent` one shows nothing: of several processes only the first speaks.
    """

    def __init__(
        self, name: str = "train", shown: Mapping[str, tuple[str, str]] = SHOWN, *, silent: bool = False
    ) -> None:
        self._name, self._shown, self._silent = name, shown, silent
        self._bar: Any = None
        self._due = 0  # the step from which on a log gets its next line

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
        """Show what was measured (names as in `Metrics`); in a log, about ten times in all."""
        numbers = {label: format(values[name], form) for name, (label, form) in self._shown.items() if name in values}
        if "eval/loss" in values:
            self.say(f"eval:  step {step}  loss {values['eval/loss']:.3f}")
        elif not self._bar.disable:
            self._bar.set_postfix(numbers, refresh=False)
        elif step >= self._due:
            stride = max(1, self._bar.total // LINES)
            self._due = (step // stride + 1) * stride
            line = "  ".join(f"{label} {value}" for label, value in numbers.items())
            self.say(f"{self._name}: step {step}/{self._bar.total}  {line}")

    def say(self, line: str) -> None:
        """Print a line beside the bar."""
        if not self._silent:
            tqdm.write(line, file=sys.stderr)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self._bar.close()
