"""The result of a training by rewards: numbers, logged answers, files and text."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from pipesql.finetune.grpo.rewards import REWARDS
from pipesql.finetune.grpo.rewards.functions import RewardedAnswer
from pipesql.finetune.recipe.recipe import GrpoRecipe
from pipesql.storage import atomic_write, write_jsonl

_SHOWN = ("reward", *(f"reward_{name}" for name in REWARDS))


@dataclass(frozen=True)
class LoggedAnswer:
    """An answer that the model learnt from at a step. `stop` as in `RewardedAnswer`; rewards by name."""

    step: int
    id: str
    text: str
    stop: str
    rewards: dict[str, float]

    @classmethod
    def of(cls, step: int, answer: RewardedAnswer) -> LoggedAnswer:
        """The answer with its step."""
        return cls(step, answer.id, answer.text, answer.stop, answer.rewards)


@dataclass(frozen=True)
class GrpoResult:
    """What a training by rewards produced. `model` is the folder of a full model."""

    model: Path
    layout: str
    recipe: str
    """The recipes of both trainings, fine-tuning and GRPO, joined by `+`."""
    questions: int
    left_out: dict[str, int]
    """Reason → questions left out (`grpo.data`)."""
    answers: list[LoggedAnswer]
    """One group of each logged step."""
    steps: int
    summary: dict[str, float]

    def write(self, recipe: GrpoRecipe, folder: Path) -> list[Path]:
        """Write the recipe with every field, and the answers; returns the files."""
        with atomic_write(folder / "recipe.yaml") as out:
            yaml.safe_dump(asdict(recipe), out, sort_keys=False)
        write_jsonl(folder / "answers.jsonl", self.answers)
        return [folder / "recipe.yaml", folder / "answers.jsonl"]

    def text(self) -> str:
        """The result in a few lines for a terminal."""
        n = self.summary
        left_out = "".join(f", {count} left out ({why})" for why, count in sorted(self.left_out.items()))
        rows = {
            "questions": f"{self.questions}{left_out}",
            "speed": f"{self.steps} steps in {n['grpo/seconds']:.0f} s",
            **{name: f"{n[f'grpo/{name}_first']:.3f} → {n[f'grpo/{name}_last']:.3f}" for name in _SHOWN},
        }
        if "grpo/kl_last" in n:
            rows["kl"] = f"{n['grpo/kl_last']:.4f}"
        return "\n".join(f"{label:<18}{value}" for label, value in rows.items())
