"""A forecast in words: for a terminal, and as the tables of docs/guides/planning.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipesql.finetune.plan.devices import CARDS
from pipesql.finetune.plan.forecast import Forecast, forecast, spider_work
from pipesql.finetune.recipe.files import RECIPES, read_recipe

COLUMNS = ("rtx4080", "rtx4090", "a100", "h100")
"""The cards of the table."""
ROWS = (
    ("1.5b", "guide-1.5b", 2000), ("1.5b", "guide-1.5b", 15_443), ("7b", "guide-7b", 15_443),
    ("smol", "smol", 0), ("smol", "smol-full", 0), ("0.5b", "lora", 0), ("1.5b", "1.5b-subset", 0), ("1.5b", "1.5b", 0),
    ("3b", "lora", 0), ("7b", "7b-subset", 0), ("7b", "7b", 0),
)  # fmt: skip
"""(model, recipe, queries; 0: all of Spider's) of the table."""
PAIRS = (("1.5b", "rtx4080"), ("1.5b", "h100"), ("7b", "rtx4080"), ("7b", "h100"))
"""(model, card) on which the guide's settings are compared with this project's."""
PUBLISHED = {("guide-1.5b", 2000): (7.0, 1.73), ("guide-1.5b", 15_443): (7.0, 3.5), ("guide-7b", 15_443): (12.5, 17.0)}
"""(recipe, queries) → (GB, hours) that the guide published for its RTX 4080; 15,443 queries were two epochs."""


def forecast_text(found: Forecast) -> str:
    """The forecast in a few lines: model, recipe, data, memory by term, time, and whether it fits in memory."""
    recipe, work, shape = found.recipe, found.work, found.shape
    memory = ", ".join(f"{name} {_gb(size)}" for name, size in found.terms.items() if size >= 5e6)
    trained = shape.adapter_parameters(recipe.r, recipe.target_modules) if recipe.use_peft else shape.parameters
    epochs = f"{work.epochs(recipe):.3g} epochs"
    rows = {
        "model": f"{found.model}, {shape.parameters:,} parameters; {trained:,} are trained",
        "recipe": f"{recipe.name}: {recipe.description}",
        "data": f"{work.what}: {work.tokens:,} tokens computed an epoch, {work.targets:,} of them learnt",
        "device": f"{found.device.name}: {_gb(found.device.memory)} GB, {found.device.flops / 1e12:.3g} TFLOP/s",
        "memory": f"{_gb(found.memory)} GB: {memory}",
        "checkpointing": "on: activations are computed again in the backward pass" if found.checkpointing else "off",
        "training": f"{found.steps:,} steps of {recipe.rows_a_step} rows, {epochs}: {_duration(found.seconds)}",
        "speed": f"{found.tokens_a_second:,.0f} tokens/s, {found.targets_a_second:,.0f} target tokens/s",
        "verdict": "fits" if found.fits else "does not fit",
    }
    return "\n".join(f"{label:<14}{value}" for label, value in rows.items())


def table() -> str:
    """The tables of docs/guides/planning.md: every recipe by card, beside the guide's published figures; and the
    guide's settings against this project's, in target tokens a second."""
    head = ("model", "recipe", "queries", *COLUMNS, "published (RTX 4080)")
    rows = [_row(model, name, queries) for model, name, queries in ROWS]
    against = ("model", "card", "guide: memory, target tokens/s", "pipesql: memory, target tokens/s", "times as many")
    return f"{_markdown(head, rows)}\n\n{_markdown(against, [_against(*pair) for pair in PAIRS])}"


def _row(model: str, name: str, queries: int) -> tuple[str, ...]:
    recipe = read_recipe(RECIPES / f"{name}.yaml")
    if queries == 15_443 and name == "guide-1.5b":
        recipe = replace(recipe, num_train_epochs=2.0, max_train_queries=0)  # the guide's second run
    work = spider_work(recipe, queries)
    published = PUBLISHED.get((name, queries))
    return (
        model, f"`{name}`", f"{work.queries:,} × {work.epochs(recipe):.2g}",
        *(_cell(forecast(model, recipe, CARDS[card], work)) for card in COLUMNS),
        f"{published[0]:g} GB, {_duration(published[1] * 3600)}" if published else "",
    )  # fmt: skip


def _against(model: str, card: str) -> tuple[str, ...]:
    found = []
    for name in (f"guide-{model}", model):
        recipe = read_recipe(RECIPES / f"{name}.yaml")
        found.append(forecast(model, recipe, CARDS[card], spider_work(recipe)))
    cells = [f"{_gb(one.memory)} GB, {one.targets_a_second:,.0f}" for one in found]
    return model, card, *cells, f"{found[1].targets_a_second / found[0].targets_a_second:.1f}"


def _markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, tuple("---" for _ in head), *rows))


def _cell(found: Forecast) -> str:
    checkpointed = " *" if found.checkpointing else ""
    return (
        f"{_gb(found.memory)} GB{checkpointed}, {_duration(found.seconds)}"
        if found.fits
        else f"{_gb(found.memory)} GB: no"
    )


def _gb(size: float) -> str:
    return f"{size / 1e9:.2f}" if size < 1e9 else f"{size / 1e9:.1f}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
