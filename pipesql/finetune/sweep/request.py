"""What a sweep was asked for, written down at its start, so that it can be gone on with after a kill."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput
from pipesql.finetune.sweep.axes import read_axes
from pipesql.finetune.sweep.search import Search
from pipesql.storage import write_json

FILE = "request.json"
OBJECTIVES = ("loss", "ex")


@dataclass(frozen=True)
class SweepRequest:
    """The options of the step, with `data` as the run or folder that `auto` meant when the sweep began."""

    grid: str
    strategy: str
    trials: int
    objective: str
    model: str
    recipe: str
    data: str
    limit: int
    seed: int

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise BadInput(f"no objective called {self.objective!r}: give one of {', '.join(OBJECTIVES)}")

    def on(self, data: tuple[Path, str]) -> SweepRequest:
        """The same on data that were found: a folder, and the id of its run or nothing."""
        folder, run_id = data
        return replace(self, data=run_id or str(folder))

    def search(self) -> Search:
        """The points to try. Raises BadInput for a grid, strategy or number of trials that do not go together."""
        axes = tuple(read_axes(self.grid, self.recipe, self.model))
        return Search(axes, self.strategy, self.trials, self.seed, self.objective == "ex")

    def params(self) -> dict[str, Any]:
        """What the run logs."""
        return asdict(self)

    def common(self) -> dict[str, Any]:
        """The parameters that every training of the sweep has. A sweep by execution accuracy selects checkpoints by it
        as well."""
        shared = {name: getattr(self, name) for name in ("model", "recipe", "data", "limit", "seed")}
        return shared | ({"select": "ex"} if self.objective == "ex" else {})

    def write(self, folder: Path) -> None:
        """Write it into the folder of the run."""
        write_json(folder / FILE, asdict(self))


def read_request(folder: Path) -> SweepRequest:
    """The request of an earlier run's folder. Raises BadInput without one."""
    path = folder / FILE
    try:
        return SweepRequest(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as e:
        raise BadInput(f"{path} does not say what was swept ({e}): this sweep cannot be resumed, begin anew") from e
