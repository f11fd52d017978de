"""The table of recipes and the page docs/reference/recipes.md, made from the recipe files."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from pipesql.errors import InvalidFile
from pipesql.finetune.recipe.files import GRPO_RECIPES, RECIPES, read_grpo_recipe, read_recipe, shipped_recipes
from pipesql.finetune.recipe.recipe import GrpoRecipe, Recipe

Row = tuple[str, ...]

TRAIN_HEAD: Row = ("recipe", "trains", "learning rate", "for", "a step", "max_length", "packing", "what it is")
GRPO_HEAD: Row = ("recipe", "trains", "learning rate", "for", "a step", "max_completion_length", "what it is")

GRPO = "grpo/"
"""Prefix that distinguishes the names of GRPO recipes."""

INTRODUCTION = """\
# Recipes

`pipesql recipes --markdown` writes this page from the recipe files, and a test compares the two. A field that a recipe
does not set has its default. [Training](../guides/training.md#recipes) shows how to choose, write and override a
recipe."""


def train_rows() -> list[Row]:
    """A row of each recipe of the step `train`."""
    return [_train_row(read_recipe(path)) for path in _files(RECIPES)]


def grpo_rows() -> list[Row]:
    """A row of each recipe of the step `grpo`."""
    return [_grpo_row(read_grpo_recipe(path)) for path in _files(GRPO_RECIPES)]


def text() -> str:
    """Both tables for a terminal."""
    return f"{_columns([TRAIN_HEAD, *train_rows()])}\n\nby rewards (step grpo):\n{_columns([GRPO_HEAD, *grpo_rows()])}"


def page() -> str:
    """docs/reference/recipes.md: both tables, then each recipe with its origin and its settings."""
    parts = [INTRODUCTION, _markdown([TRAIN_HEAD, *train_rows()])]
    parts += [_section(path) for path in _files(RECIPES)]
    parts += [
        "## By rewards",
        "Recipes of the step `grpo`: see [GRPO](../guides/grpo.md).",
        _markdown([GRPO_HEAD, *grpo_rows()], GRPO),
    ]
    parts += [_section(path, GRPO) for path in _files(GRPO_RECIPES)]
    return "\n\n".join(parts) + "\n"


def _files(folder: Path) -> list[Path]:
    return [folder / f"{name}.yaml" for name in shipped_recipes(folder)]


def _train_row(recipe: Recipe) -> Row:
    lasts = f"{recipe.max_steps} steps" if recipe.max_steps > 0 else _times(recipe.num_train_epochs, "epoch")
    rows = "pack" if recipe.packing != "none" else "sample"
    return (
        recipe.name, _method(recipe), f"{recipe.learning_rate:g}", lasts, _times(recipe.rows_a_step, rows),
        str(recipe.max_length), recipe.packing, recipe.description,
    )  # fmt: skip


def _method(recipe: Recipe) -> str:
    if not recipe.use_peft:
        return "every weight"
    return f"{'QLoRA' if recipe.load_in_4bit else 'LoRA'} {recipe.r}/{recipe.lora_alpha}"


def _grpo_row(recipe: GrpoRecipe) -> Row:
    a_step = f"{_times(recipe.questions_a_step, 'question')} × {recipe.num_generations} answers"
    return (
        recipe.name, f"LoRA {recipe.r}/{recipe.lora_alpha}", f"{recipe.learning_rate:g}", f"{recipe.max_steps} steps",
        a_step, str(recipe.max_completion_length), recipe.description,
    )  # fmt: skip


def _times(count: float, what: str) -> str:
    return f"{count:g} {what}{'' if count == 1 else 's'}"


def _section(path: Path, prefix: str = "") -> str:
    """A recipe's origin, from the comment at the head of its file, and its settings."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as e:
        raise InvalidFile(f"cannot read the recipe {path}: {e.strerror}; install pipesql again") from e
    comment = [line.removeprefix("#").strip() for line in itertools.takewhile(lambda line: line.startswith("#"), lines)]
    keys = "\n".join(["```yaml", *lines[len(comment) :], "```"])
    return "\n\n".join([f"### {prefix}{path.stem}", *(["\n".join(comment)] if comment else []), keys])


def _columns(rows: Sequence[Row]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _markdown(rows: Sequence[Row], prefix: str = "") -> str:
    head, *body = rows
    named = [(f"[`{row[0]}`](#{_anchor(prefix + row[0])})", *row[1:]) for row in body]
    lines = [head, tuple("---" for _ in head), *named]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _anchor(name: str) -> str:
    """The anchor of a heading on a Markdown page, which leaves out dots and slashes."""
    return name.replace(".", "").replace("/", "")
