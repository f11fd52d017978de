"""The metrics of a training by rewards: TRL's numbers under our names, and one for each reward."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from typing import Any, ClassVar

from transformers import TrainerCallback

from pipesql.errors import TrainingDiverged
from pipesql.finetune.grpo.rewards import REWARDS
from pipesql.finetune.sft.types import OnMetrics


class GrpoMetrics(TrainerCallback):  # type: ignore[misc]
    """Passes the trainer's log to `on_metrics`, renamed; stops at the first number that is not finite."""

    NAMES: ClassVar[dict[str, str]] = {
        "reward": "grpo/reward",
        "reward_std": "grpo/reward_std",
        **{f"rewards/{name}/mean": f"grpo/reward_{name}" for name in REWARDS},
        "frac_reward_zero_std": "grpo/groups_alike",
        "kl": "grpo/kl",
        "entropy": "grpo/entropy",
        "loss": "grpo/loss",
        "grad_norm": "grpo/grad_norm",
        "learning_rate": "grpo/learning_rate",
        "completions/mean_length": "grpo/completion_length",
        "completions/clipped_ratio": "grpo/unfinished",
        "clip_ratio/region_mean": "grpo/clipped",
        "num_tokens": "grpo/tokens",
        "step_time": "grpo/step_seconds",
    }

    def __init__(self, on_metrics: OnMetrics) -> None:
        self.seconds = 0.0
        """Wall time of the steps so far in seconds, with generation and rewards."""
        self._on_metrics = on_metrics
        self._began = 0.0
        self._history: dict[str, list[float]] = defaultdict(list)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop the clock."""
        self.seconds += time.perf_counter() - self._began

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Rename and pass on. Raises TrainingDiverged for a loss, divergence or gradient norm that is not finite."""
        logs = logs or {}
        if "reward" not in logs:
            return
        values = {ours: float(logs[name]) for name, ours in self.NAMES.items() if logs.get(name) is not None}
        for name in ("grpo/loss", "grpo/kl", "grpo/grad_norm"):
            if not math.isfinite(values.get(name, 0.0)):
                raise TrainingDiverged(
                    f"GRPO diverged at step {state.global_step}: {name} is {values[name]}; no weights were kept; "
                    f"try a learning_rate below {args.learning_rate:g} or a larger beta in the recipe"
                )
        for name, value in values.items():
            self._history[name].append(value)
        self._on_metrics(values, state.global_step)

    def summary(self) -> dict[str, float]:
        """The rewards at the start and at the end, each a mean over a quarter of the log (single batches differ a lot),
        the divergence at the end, and the time."""
        found = {"grpo/seconds": self.seconds}
        for name in ("reward", *(f"reward_{name}" for name in REWARDS)):
            values = self._history[f"grpo/{name}"]
            part = max(1, len(values) // 4)
            found[f"grpo/{name}_first"] = sum(values[:part]) / part
            found[f"grpo/{name}_last"] = sum(values[-part:]) / part
        if divergences := self._history["grpo/kl"]:
            found["grpo/kl_last"] = divergences[-1]
        return found
