"""What a training run was asked for, written down at its start, so that it can be gone on with after a kill.

What a training run produced, as numbers, files and text.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from pipesql.errors import BadInput
from pipesql.finetune.data.tokenise import TokenStatistics
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.storage import atomic_write, file_digest, write_json

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


@dataclass(frozen=True)
class Training:
    """What a training run produced. Losses are means over target tokens, in nats."""

    adapter: Path
    layout: str
    measured: str
    """The split that the evaluation loss is of: `validation` or `dev`."""
    train: TokenStatistics
    eval: TokenStatistics
    steps: int
    tokens: int
    """Tokens computed in training, each as often as it was computed."""
    seconds: float
    """Wall time of the training steps alone."""
    summary: dict[str, float]
    """`train/loss_first`, `train/loss_last`, `train/token_accuracy_last`, `eval/loss_best` …: one number each."""

    def write(self, folder: Path) -> Path:
        """Write the token statistics into a folder; returns the file."""
        counted = {"train": asdict(self.train), self.measured: asdict(self.eval)}
        totals = {"computed": self.tokens, "steps": self.steps}
        write_json(folder / "tokens.json", counted | totals | self.summary)
        return folder / "tokens.json"

    def text(self) -> str:
        """The result in a few lines for a terminal."""
        n, tokens = self.summary, self.train
        dropped = f", {tokens.too_long} dropped as too long" if tokens.too_long else ""
        rows = {
            "samples": f"{tokens.kept} in {self.layout} layout, {tokens.databases} databases{dropped}",
            "tokens": f"{self.tokens:,} computed, {tokens.tokens:,} in the samples ({tokens.target_tokens:,} targets)",
            "speed": f"{self.steps} steps in {self.seconds:.0f} s, {n['train/tokens_per_second_mean']:.0f} tokens/s, "
            f"{n['train/target_tokens_per_second_mean']:.0f} target tokens/s",
            "train loss": f"{n['train/loss_first']:.3f} → {n['train/loss_last']:.3f}, "
            f"token accuracy {n['train/token_accuracy_last']:.1%}",
            "eval loss": f"{n['eval/loss_best']:.3f} at best on {self.measured}, "
            f"token accuracy {n['eval/token_accuracy_best']:.1%}",
        }
        return "\n".join(f"{label:<12}{value}" for label, value in rows.items())
