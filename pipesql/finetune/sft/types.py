"""What a training on samples takes and returns: the request that starts or resumes it, its job, and its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from pipesql.errors import BadInput, InvalidFile
from pipesql.finetune.data.dataset import SampleDataset
from pipesql.finetune.data.tokenise import TokenStatistics
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.finetune.sft.checkpoints import Checkpoints
from pipesql.models import ModelSource
from pipesql.storage import atomic_write, file_digest, write_json

REQUEST_FILE = "request.json"
RECIPE_FILE = "recipe.yaml"

OnMetrics = Callable[[dict[str, float], int], None]
"""(metrics, optimizer step): names grouped as `train/…`, `eval/…` and `guard/…`."""
MeasureEx = Callable[[Any, Any, Sequence[str], str], float]
"""(model, tokenizer, ids of queries, layout) → execution accuracy."""


@dataclass(frozen=True)
class Request:
    """Model, recipe and data of a run, written down at its start so that it can be resumed after a crash."""

    model: str
    recipe: Recipe
    samples: str
    """The folder of samples."""
    data_run: str
    digest: str
    """Digest of the training samples."""
    limit: int
    seed: int
    skip: int = 0

    @property
    def folder(self) -> Path:
        return Path(self.samples)

    def write(self, output: Path) -> Path:
        """Write it into the run's folder, and its recipe with every field as a recipe file, which is returned."""
        write_json(output / REQUEST_FILE, asdict(self))
        with atomic_write(output / RECIPE_FILE) as out:
            yaml.safe_dump(asdict(self.recipe), out, sort_keys=False)
        return output / RECIPE_FILE


def new_request(
    model: str, recipe: Recipe, folder: Path, data_run: str, limit: int, seed: int, skip: int = 0
) -> Request:
    """A request on the samples as they are now. Raises InvalidFile where they cannot be read."""
    digest = file_digest(folder / "samples.train.jsonl")
    return Request(model, recipe, str(folder), data_run, digest, limit, seed, skip)


def read_request(output: Path) -> Request:
    """The request of an earlier run's folder. Raises BadInput without one, or where its samples have changed."""
    path = output / REQUEST_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        request = Request(**{**values, "recipe": Recipe(**values["recipe"])})
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise InvalidFile(
            f"this run cannot be resumed, because its request {path} cannot be read ({e}); start a new training"
        ) from e
    if file_digest(request.folder / "samples.train.jsonl") != request.digest:
        raise BadInput(
            f"this run cannot be resumed, because the samples in {request.folder} have changed since it began; "
            "build the same data again, or start a new training"
        )
    return request


@dataclass(frozen=True)
class Job:
    """A training with its dataset: everything that stays the same when the guard sends it back to a checkpoint."""

    source: ModelSource
    tokenizer: Any
    recipe: Recipe
    dataset: SampleDataset
    output: Path
    seed: int
    record: dict[str, Any]
    """The `base.json` of its checkpoints."""
    on_metrics: OnMetrics
    measure_ex: MeasureEx | None = None

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.output)


@dataclass(frozen=True)
class TrainingResult:
    """What a training produced. Losses are means over target tokens, in nats."""

    adapter: Path
    layout: str
    eval_split: str
    """The split for the evaluation loss: `validation` or `dev`."""
    train: TokenStatistics
    eval: TokenStatistics
    steps: int
    tokens: int
    """Tokens computed in training, each as often as it was computed."""
    seconds: float
    """Wall time of the training steps."""
    summary: dict[str, float]
    """`train/loss_first`, `train/loss_last`, `train/token_accuracy_last`, `eval/loss_best` …: one number each."""

    def write(self, folder: Path) -> Path:
        """Write the token statistics into a folder; returns the file."""
        counts = {"train": asdict(self.train), self.eval_split: asdict(self.eval)}
        totals = {"computed": self.tokens, "steps": self.steps}
        write_json(folder / "tokens.json", counts | totals | self.summary)
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
            "eval loss": f"{n['eval/loss_best']:.3f} at best on {self.eval_split}, "
            f"token accuracy {n['eval/token_accuracy_best']:.1%}",
        }
        return "\n".join(f"{label:<12}{value}" for label, value in rows.items())
