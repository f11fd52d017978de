"""The names of all tags that pipesql writes on runs and registered versions.

A tag that was renamed is written under its new name. Runs and versions of earlier releases keep the old one, so tags
are read through `current`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipesql.chat.prompts import PromptShape

# Of every run: which step it is, and how it ended.
STEP: Final = "pipesql.step"
ERROR: Final = "pipesql.error"
RESUMED: Final = "pipesql.resumed"
"""`true` on a run that went on after a crash."""
RESUMES: Final = "pipesql.resumes"
"""On the run that `mlflow run` made for a step that resumed another one: the other one's id."""
OUTPUT: Final = "pipesql.output"
"""The folder that a run wrote, from the project's root."""
GUARD: Final = "pipesql.guard"
"""The guard's last sentence about a training."""

# Where a model comes from.
MODEL: Final = "pipesql.model"
BASE_DIGEST: Final = "pipesql.base_digest"
RECIPE: Final = "pipesql.recipe"
BENCHMARK: Final = "pipesql.benchmark"
DATA_RUN: Final = "pipesql.data_run"
DATA_DIGEST: Final = "pipesql.data_digest"
TRAIN_RUN: Final = "pipesql.train_run"
MERGE_RUN: Final = "pipesql.merge_run"
VERSION: Final = "pipesql.version"
SCALING: Final = "pipesql.scaling"
AVERAGED: Final = "pipesql.averaged"
GGUF: Final = "pipesql.gguf"
GGUF_SHA256: Final = "pipesql.gguf_sha256"

# How a model must be prompted: what the prompts of its training showed.
LAYOUT: Final = "pipesql.layout"
VALUES: Final = "pipesql.values"
KEYS: Final = "pipesql.keys"

# How good a version is.
EVALUATE_RUN: Final = "pipesql.evaluate_run"
EVALUATE_DATA: Final = "pipesql.evaluate_data"
FIGURES: Final = ("ex", "ex_interval", "valid", "base_ex", "base_valid", "questions")
"""Figures of an evaluation, each a tag of its own: `pipesql.ex`, …"""
CONFIDENCE: Final = "pipesql.confidence"
"""What makes a version's answers trustworthy (`inference.confidence`)."""
DECISION: Final = "pipesql.decision"

# Of a sweep: its best training, on the sweep and on the training.
SWEEP_BEST_RUN: Final = "pipesql.sweep_best_run"
SWEEP_BEST: Final = "pipesql.sweep_best"

OLD_NAMES: Final[Mapping[str, str]] = {SCALING: "pipesql.strength"}
"""New name → the name in releases up to 0.1."""


def current(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a run or version on record, those that were renamed under their present names as well."""
    return {**tags, **{new: tags[old] for new, old in OLD_NAMES.items() if old in tags and new not in tags}}


def of_figures(figures: Mapping[str, str]) -> dict[str, str]:
    """The tags of an evaluation's figures, by name."""
    return {f"pipesql.{name}": figures[name] for name in FIGURES}


def of_prompts(shape: PromptShape) -> dict[str, str]:
    """The tags of a training that record what its prompts showed."""
    return {VALUES: str(shape.values), KEYS: str(int(shape.keys))}


def prompts(tags: Mapping[str, str], data: PromptShape | None = None) -> PromptShape:
    """The prompts that a version with these tags was trained with; what no tag gives is as in `data`."""
    shape = data or PromptShape()
    values, keys = int(tags.get(VALUES, shape.values)), bool(int(tags.get(KEYS, shape.keys)))
    return PromptShape(tags.get(LAYOUT, "folded"), values, keys)
