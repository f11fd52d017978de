"""What a run of GRPO produced, as numbers, files and text."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from pipesql.finetune.grpo.rewards import REWARDS
from pipesql.finetune.grpo.rewards.reward import Judged
from pipesql.finetune.recipe.grpo import GrpoRecipe
from pipesql.storage import atomic_write, write_jsonl

_SHOWN = ("reward", *(f"reward_{name}" for name in REWARDS))


@dataclass(frozen=True)
class Answer:
    """An answer that was learnt from at a step. `stop` as in `Judged`; rewards by name."""

    step: int
    id: str
    text: str
    stop: str
    rewards: dict[str, float]

    @classmethod
    def of(cls, step: int, judged: Judged) -> Answer:
        """The judged answer, with its step."""
        return cls(step, judged.id, judged.text, judged.stop, judged.rewards)


@dataclass(frozen=True)
class GrpoTraining:
    """What a run of GRPO produced. `model` is a folder with a whole model (`whole_model`)."""

    model: Path
    layout: str
    recipe: str
    """What the model went through: the recipe of fine-tuning and that of GRPO."""
    questions: int
    left_out: dict[str, int]
    """Questions met that could not be asked, by why (`grpo_questions`)."""
    answers: list[Answer]
    """One group of each logged step."""
    steps: int
    summary: dict[str, float]

    def write(self, recipe: GrpoRecipe, folder: Path) -> list[Path]:
        """Write the recipe in full and the answers; returns the files."""
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
