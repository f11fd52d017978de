"""The request of a sweep, written down at its start so that it can be resumed after a crash."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipesql.errors import InvalidFile, InvalidOption
from pipesql.finetune.sweep.axes import read_axes
from pipesql.finetune.sweep.search import Search
from pipesql.options import option
from pipesql.storage import write_json

REQUEST_FILE = "request.json"
OBJECTIVES = ("loss", "ex")


@dataclass(frozen=True)
class SweepRequest:
    """The options of the step; `data` is the run or folder that `auto` meant when the sweep began."""

    grid: str = option("", 'What varies: "FIELD=VALUE,VALUE; FIELD=LOW..HIGH:log", or a YAML file.')
    strategy: str = option("grid", "Which points are tried: grid, random or optuna (TPE).")
    trials: int = option(0, "Number of trainings; 0: the whole grid.")
    objective: str = option("loss", "loss: the lowest eval/loss wins; ex: the highest execution accuracy.")
    model: str = option("smol", "tiny, smol, 0.5b … 7b, a hub id, a folder, or a version: models:/pipesql/2.")
    recipe: str = option("auto", "A recipe's name or a YAML file; auto: chosen by the model.")
    data: str = option("auto", "Training data: auto (the newest data run), the id of a data run, or a folder.")
    limit: int = option(0, "Use up to N training queries in each training; 0: as the recipe says.")
    seed: int = option(0, "Seeds the points that are drawn, and every training.")

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise InvalidOption(f"there is no objective {self.objective!r}; use one of {', '.join(OBJECTIVES)}")

    def on(self, data: tuple[Path, str]) -> SweepRequest:
        """The same request on resolved data: a folder, and the id of its run or an empty text."""
        folder, run_id = data
        return replace(self, data=run_id or str(folder))

    def search(self) -> Search:
        """The points to try. Raises BadInput for a grid, strategy or number of trials that cannot be used together."""
        axes = tuple(read_axes(self.grid, self.recipe, self.model))
        return Search(axes, self.strategy, self.trials, self.seed, self.objective == "ex")

    def params(self) -> dict[str, Any]:
        """The parameters that the run logs."""
        return asdict(self)

    def write(self, folder: Path) -> None:
        """Write it into the folder of the run."""
        write_json(folder / REQUEST_FILE, asdict(self))


def read_request(folder: Path) -> SweepRequest:
    """The request of an earlier run's folder. Raises BadInput without one."""
    path = folder / REQUEST_FILE
    try:
        return SweepRequest(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as e:
        raise InvalidFile(
            f"this sweep cannot be resumed, because its request {path} cannot be read ({e}); start a new sweep"
        ) from e
