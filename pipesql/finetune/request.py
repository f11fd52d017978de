"""What a training run was asked for, written down at its start, so that it can be gone on with after a kill."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from pipesql.errors import BadInput
from pipesql.finetune.recipe import Recipe
from pipesql.records import atomic_write, file_digest, write_json

FILE = "request.json"
RECIPE = "recipe.yaml"


@dataclass(frozen=True)
class Request:
    """Model, recipe and data of a run; `digest` is that of the training samples."""

    model: str
    recipe: Recipe
    samples: str
    """The folder of samples."""
    data_run: str
    digest: str
    limit: int
    seed: int
    skip: int = 0

    @property
    def folder(self) -> Path:
        return Path(self.samples)

    def write(self, output: Path) -> Path:
        """Write it into the run's folder, and the recipe in full as a recipe file, which is returned."""
        write_json(output / FILE, asdict(self))
        with atomic_write(output / RECIPE) as out:
            yaml.safe_dump(asdict(self.recipe), out, sort_keys=False)
        return output / RECIPE


def requested(model: str, recipe: Recipe, folder: Path, data_run: str, limit: int, seed: int, skip: int = 0) -> Request:
    """A new request on the samples as they are now. Raises BadInput where they cannot be read."""
    digest = file_digest(folder / "samples.train.jsonl")
    return Request(model, recipe, str(folder), data_run, digest, limit, seed, skip)


def read_request(output: Path) -> Request:
    """The request of an earlier run's folder. Raises BadInput without one, and where its samples have changed."""
    path = output / FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        request = Request(**{**values, "recipe": Recipe(**values["recipe"])})
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise BadInput(f"{path} does not say what was trained ({e}): this run cannot be resumed, train anew") from e
    if file_digest(request.folder / "samples.train.jsonl") != request.digest:
        raise BadInput(
            f"the samples in {request.folder} have changed since this run began: "
            "build the data as they were, or train anew"
        )
    return request
