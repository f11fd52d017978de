"""Checkpoints on disk: they appear atomically; the newest few and the best one are kept.

transformers writes a checkpoint file by file. So it writes into a folder for unfinished ones, and a finished one is
moved to its place: a run that is killed meanwhile leaves nothing that looks like a checkpoint. `BestCheckpoint` chooses
the best one, and ends a run that no longer improves.
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

from pipesql.errors import InvalidFile, InvalidOption, StorageError
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.models.folder import BASE_FILE
from pipesql.storage import write_json

FOLDER = "checkpoints"
KEPT = 3
"""The number of newest checkpoints that are kept beside the best."""
STATE_FILE = "progress.json"
"""In each checkpoint: the state that transformers does not keep, as JSON (guard, best checkpoint, counts)."""
_PREFIX = "checkpoint-"


class Checkpoints:
    """The checkpoints of one run, in `<output>/checkpoints/checkpoint-<step>`."""

    def __init__(self, output: Path) -> None:
        self.folder = output / FOLDER
        self.unfinished = self.folder / ".unfinished"
        """Where transformers writes."""

    def make_ready(self) -> None:
        """Make the folders, and remove unfinished checkpoints. Raises StorageError where they cannot be written.

        All processes of a training may do this at the same time, so the folder itself is never removed.
        """
        try:
            self.unfinished.mkdir(parents=True, exist_ok=True)
            for left in self.unfinished.iterdir():
                shutil.rmtree(left, ignore_errors=True)
        except OSError as e:
            raise StorageError(
                f"cannot write the checkpoints in {self.folder}: {e.strerror}; free space there or make it writable"
            ) from e

    def all(self) -> list[Path]:
        """Every finished checkpoint, oldest first."""
        return sorted(self.folder.glob(f"{_PREFIX}*"), key=step_of)

    def at(self, step: int) -> Path:
        """The place of the checkpoint of that step."""
        return self.folder / f"{_PREFIX}{step}"

    def newest(self) -> Path | None:
        """The newest finished checkpoint, if there is one."""
        return self.all()[-1] if self.all() else None

    def named(self, name: str) -> Path:
        """The checkpoint `last`, or the one of a step. Raises InvalidOption, listing the existing ones, for another."""
        found = self.newest() if name == "last" else self.at(int(name)) if name.isdecimal() else None
        if found is None or not found.is_dir():
            there = ", ".join(str(step_of(path)) for path in self.all()) or "none"
            raise InvalidOption(f"there is no checkpoint {name!r} in {self.folder}; use best, last or a step ({there})")
        return found

    def before(self, step: int, back: int = 0) -> Path | None:
        """The last checkpoint at or before a step, or `back` checkpoints before that one (at most the oldest)."""
        earlier = [path for path in self.all() if step_of(path) <= step]
        return earlier[max(0, len(earlier) - 1 - back)] if earlier else None

    def finish(self, step: int, state: dict[str, Any], record: dict[str, Any], best: int | None) -> Path:
        """Add the state to an unfinished checkpoint and move it to its place; remove old ones, except that of `best`.

        `record` becomes its `base.json`, so that it can be merged like any adapter.
        """
        work, target = self.unfinished / f"{_PREFIX}{step}", self.at(step)
        write_json(work / STATE_FILE, state)
        write_json(work / BASE_FILE, record)
        for unused in ("training_args.bin", "README.md"):  # a pickle that nothing reads, and a card without content
            (work / unused).unlink(missing_ok=True)
        if target.exists():
            shutil.rmtree(target)
        os.replace(work, target)
        keep = {*self.all()[-KEPT:], *([self.at(best)] if best is not None else [])}
        for path in self.all():
            if path not in keep:
                shutil.rmtree(path)
        return target

    def drop_after(self, step: int) -> None:
        """Remove the checkpoints after a step, because training takes a different course from there."""
        for path in self.all():
            if step_of(path) > step:
                shutil.rmtree(path)


def step_of(checkpoint: Path) -> int:
    """The optimizer step in a checkpoint's name."""
    return int(checkpoint.name.removeprefix(_PREFIX))


def read_state(checkpoint: Path) -> dict[str, Any]:
    """The state that `finish` wrote. Raises InvalidFile for a folder without it.

    Version 0.1 called the best checkpoint `selection`.
    """
    try:
        found: dict[str, Any] = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))
        found["best"] = found.pop("selection", None) or found["best"]
    except (OSError, ValueError, KeyError) as e:
        raise InvalidFile(f"the checkpoint {checkpoint} is incomplete ({e}); remove it to resume from another") from e
    return found


class BestCheckpoint(TrainerCallback):  # type: ignore[misc]
    """Remembers the best evaluation, has its checkpoint saved, and ends a run that no longer improves.

    The best one has the lowest `eval_loss`, or with recipe.select `ex` the highest `eval_ex` (execution accuracy). A
    model whose weights are not `finite` is never the best.
    """

    def __init__(self, recipe: Recipe, finite: Callable[[], bool]) -> None:
        self.metric = f"eval_{recipe.select}"
        self.step: int | None = None
        """The optimizer step of the best evaluation so far."""
        self.value = math.nan
        self.fruitless = 0
        """Evaluations since the best one."""
        self._patience = recipe.early_stopping_patience
        self._higher = recipe.select == "ex"
        self._finite = finite

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any], **kwargs: Any) -> None:
        """Save a checkpoint where this evaluation is the best so far; end the run where patience is exhausted."""
        value = float(metrics[self.metric])
        if self._finite() and math.isfinite(value) and (self.step is None or self._better(value)):
            self.step, self.value, self.fruitless = state.global_step, value, 0
            control.should_save = True
            return
        self.fruitless += 1
        if self._patience and self.fruitless >= self._patience:
            control.should_training_stop = True

    def _better(self, value: float) -> bool:
        return value > self.value if self._higher else value < self.value

    def state(self) -> dict[str, Any]:
        """The state, for JSON."""
        return {"step": self.step, "value": None if self.step is None else self.value, "fruitless": self.fruitless}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a `state`."""
        self.step, self.fruitless = state["step"], state["fruitless"]
        self.value = math.nan if state["value"] is None else float(state["value"])
