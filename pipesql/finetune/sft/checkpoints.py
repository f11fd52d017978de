"""Checkpoints on disk: whole or not there at all, the newest few and the best one kept.

transformers writes a checkpoint file by file. So it writes into a folder of unfinished ones, and a finished one is
moved to its place by a rename: whoever is killed meanwhile leaves nothing that looks like a checkpoint.

Which checkpoint is the best one, and when waiting for a better one ends.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from pipesql.errors import BadInput
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.storage import write_json

FOLDER = "checkpoints"
KEPT = 3
"""So many of the newest are kept beside the best."""
PROGRESS = "progress.json"
"""In each checkpoint: what transformers does not keep, as JSON (guard, selection, counts)."""
_PREFIX = "checkpoint-"


class Checkpoints:
    """The checkpoints of one run, in `<output>/checkpoints/checkpoint-<step>`."""

    def __init__(self, output: Path) -> None:
        self.folder = output / FOLDER
        self.unfinished = self.folder / ".unfinished"
        """Where transformers writes."""

    def make_ready(self) -> None:
        """Make the folders, without what a killed run left unfinished. Raises BadInput where they cannot be written.

        All processes of a training may do this at the same time, so the folder itself is never removed.
        """
        try:
            self.unfinished.mkdir(parents=True, exist_ok=True)
            for left in self.unfinished.iterdir():
                shutil.rmtree(left, ignore_errors=True)
        except OSError as e:
            raise BadInput(
                f"cannot write into {self.folder}: {e.strerror}; free some space or choose another folder"
            ) from e

    def all(self) -> list[Path]:
        """Every whole checkpoint, oldest first."""
        return sorted(self.folder.glob(f"{_PREFIX}*"), key=step_of)

    def at(self, step: int) -> Path:
        """The place of the checkpoint of that step."""
        return self.folder / f"{_PREFIX}{step}"

    def newest(self) -> Path | None:
        """The last whole checkpoint, if there is one."""
        return self.all()[-1] if self.all() else None

    def named(self, name: str) -> Path:
        """The checkpoint called `last`, or by its step. Raises BadInput, listing those there are, for another name."""
        found = self.newest() if name == "last" else self.at(int(name)) if name.isdecimal() else None
        if found is None or not found.is_dir():
            there = ", ".join(str(step_of(path)) for path in self.all()) or "none"
            raise BadInput(f"there is no checkpoint {name!r} in {self.folder}: give best, last or a step ({there})")
        return found

    def before(self, step: int, back: int = 0) -> Path | None:
        """The last checkpoint at or before a step, or one that lies `back` further back (the oldest at most)."""
        earlier = [path for path in self.all() if step_of(path) <= step]
        return earlier[max(0, len(earlier) - 1 - back)] if earlier else None

    def finish(self, step: int, progress: dict[str, Any], record: dict[str, Any], best: int | None) -> Path:
        """Move the checkpoint that was written as unfinished to its place, with what it lacks; drop old ones.

        `record` becomes its `base.json`, with which it can be merged like any adapter.
        """
        work, target = self.unfinished / f"{_PREFIX}{step}", self.at(step)
        write_json(work / PROGRESS, progress)
        write_json(work / "base.json", record)
        for pickled in ("training_args.bin", "README.md"):  # a pickle nobody reads, and a card without content
            (work / pickled).unlink(missing_ok=True)
        if target.exists():
            shutil.rmtree(target)
        os.replace(work, target)
        keep = {*self.all()[-KEPT:], *([self.at(best)] if best is not None else [])}
        for path in self.all():
            if path not in keep:
                shutil.rmtree(path)
        return target

    def drop_after(self, step: int) -> None:
        """Remove the checkpoints behind a step: training goes another way from there."""
        for path in self.all():
            if step_of(path) > step:
                shutil.rmtree(path)


def step_of(checkpoint: Path) -> int:
    """The optimizer step that a checkpoint's name says."""
    return int(checkpoint.name.removeprefix(_PREFIX))


def read_progress(checkpoint: Path) -> dict[str, Any]:
    """What `finish` wrote as progress. Raises BadInput for a folder that is no checkpoint of ours."""
    try:
        found: dict[str, Any] = json.loads((checkpoint / PROGRESS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise BadInput(f"{checkpoint} is no whole checkpoint ({e}): remove it to go on from another") from e
    return found


class Selection(TrainerCallback):  # type: ignore[misc]
    """Remembers the best evaluation, has its checkpoint saved, and stops a run that no longer gets better.

    By recipe.select: the lowest `eval_loss`, or the highest `eval_ex` (execution accuracy). A model that is not `sound`
    is never the best.
    """

    def __init__(self, recipe: Recipe, sound: Callable[[], bool]) -> None:
        self.metric = f"eval_{recipe.select}"
        self.step: int | None = None
        """The optimizer step of the best evaluation so far."""
        self.value = math.nan
        self.fruitless = 0
        """Evaluations since the best one."""
        self._patience = recipe.early_stopping_patience
        self._higher = recipe.select == "ex"
        self._sound = sound

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any], **kwargs: Any) -> None:
        """Compare; ask for a checkpoint where this is the best so far, and for the end where patience is over."""
        value = float(metrics[self.metric])
        if self._sound() and math.isfinite(value) and (self.step is None or self._better(value)):
            self.step, self.value, self.fruitless = state.global_step, value, 0
            control.should_save = True
            return
        self.fruitless += 1
        if self._patience and self.fruitless >= self._patience:
            control.should_training_stop = True

    def _better(self, value: float) -> bool:
        return value > self.value if self._higher else value < self.value

    def state(self) -> dict[str, Any]:
        """What is remembered, as JSON."""
        return {"step": self.step, "value": None if self.step is None else self.value, "fruitless": self.fruitless}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.step, self.fruitless = state["step"], state["fruitless"]
        self.value = math.nan if state["value"] is None else float(state["value"])
