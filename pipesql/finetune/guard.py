"""The guard: what is said of every optimizer step before it touches the weights.

It watches two numbers, the step's loss and the norm of its gradient, against their own last values. A step is skipped
where one of them is not finite, or lies further above the mean of that window than so many standard deviations (the
rule of OLMo-core's skip-step optimizers, which take six of the last 128; OLMo 2, arXiv 2501.00656, section 3). Where
steps are skipped in a row it is no longer a bad batch but the weights, and training goes back to a good checkpoint.

Nothing here knows of tensors or trainers: numbers go in, a judgement comes out.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import fmean, pstdev
from typing import Any, Literal

from pipesql.finetune.recipe import Recipe

WARM_UP = 16
"""Accepted steps before a finite step can be an outlier: fewer say nothing of how far values spread."""
FLOOR = 0.05
"""The spread is taken as at least this share of the mean: a loss that hardly moves must not make noise an outlier."""


@dataclass(frozen=True)
class Judgement:
    """What becomes of a step: `accept`, `skip`, or `rewind` (skip it, and go back to a good checkpoint)."""

    kind: Literal["accept", "skip", "rewind"]
    reason: str = ""


@dataclass
class Guard:
    """Judges steps in their order. Its state is plain numbers (`state`, `restore`), kept with every checkpoint."""

    sigma: float = 6.0
    window: int = 128
    patience: int = 3
    losses: deque[float] = field(default_factory=deque)
    norms: deque[float] = field(default_factory=deque)
    skipped: int = 0
    """Steps skipped in all."""
    streak: int = 0
    """Steps skipped in a row until now."""

    @classmethod
    def of(cls, recipe: Recipe) -> Guard:
        """The guard that a recipe describes."""
        return cls(recipe.guard_sigma, recipe.guard_window, recipe.guard_patience)

    def judge(self, loss: float, norm: float) -> Judgement:
        """Judge a step by its mean loss and its gradient's norm, and remember it."""
        reason = self._wrong("loss", loss, self.losses) or self._wrong("gradient norm", norm, self.norms)
        if not reason:
            self.streak = 0
            for values, value in ((self.losses, loss), (self.norms, norm)):
                values.append(value)
                while len(values) > self.window:
                    values.popleft()
            return Judgement("accept")
        self.skipped += 1
        self.streak += 1
        if self.patience and self.streak >= self.patience:
            return Judgement("rewind", f"{reason}; {self.streak} bad steps in a row")
        return Judgement("skip", reason)

    def _wrong(self, what: str, value: float, earlier: deque[float]) -> str:
        """Why the value is not one to learn from; empty where it is."""
        if not math.isfinite(value):
            return f"the {what} is {value}"
        if not self.sigma or len(earlier) < min(WARM_UP, self.window):
            return ""
        mean = fmean(earlier)
        spread = max(pstdev(earlier), FLOOR * abs(mean))
        if value <= mean + self.sigma * spread:
            return ""
        return f"the {what} is {value:.3g}, {(value - mean) / spread:.1f} standard deviations above {mean:.3g}"

    def state(self) -> dict[str, Any]:
        """What has been seen, as JSON."""
        numbers = {"skipped": self.skipped, "streak": self.streak}
        return {"losses": list(self.losses), "norms": list(self.norms), **numbers}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.losses, self.norms = deque(state["losses"]), deque(state["norms"])
        self.skipped, self.streak = int(state["skipped"]), int(state["streak"])
