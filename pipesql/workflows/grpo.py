"""Step `grpo`: a trained model is trained further by the rewards that its answers earn when they are executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipesql.finetune.recipe.recipe import GrpoRecipe
from pipesql.options import option, overrides
from pipesql.storage import file_digest
from pipesql.tracking import tags
from pipesql.workflows.train import chosen_data, log_leaks

ORIGIN = (tags.MODEL, tags.BENCHMARK)
"""Tags of the train run that hold for the model trained further."""


@dataclass(frozen=True)
class GrpoOptions:
    """Which model is trained further, on what and how."""

    model: str = option("", "Continue from the newest finished train run of this model.")
    run_id: str = option("", "Train run whose model is trained further; default: the newest finished one.")
    recipe: str = option("auto", "A name in recipes/grpo or a YAML file; auto: chosen by the model.")
    data: str = option("auto", "Training data: auto (the newest data run), the id of a data run, or a folder.")
    limit: int = option(0, "Use up to N training questions; 0: as the recipe says.")
    seed: int = option(0, "Draws the questions, the answers and the adapter's first weights.")
    overrides: Mapping[str, str] = overrides(GrpoRecipe)


def grpo(options: GrpoOptions) -> str:
    """Train a fine-tuned model further by the rewards of its answers.

    Options named like fields of a recipe override it.
    """
    from pipesql.finetune.recipe.files import grpo_recipe_for
    from pipesql.tracking.lookup import finished_run
    from pipesql.tracking.runs import step_run
    from pipesql.tracking.store import project_root

    with step_run("grpo") as run:
        train = finished_run("train", options.run_id, {tags.MODEL: options.model} if options.model else None)
        recipe = grpo_recipe_for(options.recipe, train.tags.get(tags.MODEL, ""), options.overrides)
        output = project_root() / (place := Path("output/grpo", run.run_id))
        run.tags(**{name: train.tags[name] for name in ORIGIN if name in train.tags})
        run.tags(**{tags.TRAIN_RUN: train.run_id, tags.RECIPE: recipe.name, tags.OUTPUT: place})
        folder, data_run = chosen_data(options.data)
        drawn = {"limit": options.limit, "seed": options.seed}
        run.params(run_id=train.run_id, recipe=recipe.name, **drawn, **recipe.headline())
        digest = file_digest(folder / "samples.train.jsonl")
        run.tags(**{tags.DATA_RUN: data_run, tags.DATA_DIGEST: digest})
        log_leaks(run, folder, output)
        from pipesql.finetune.grpo.train import train_by_rewards

        result = train_by_rewards(folder, train.artifact("adapter"), recipe, output, **drawn, on_metrics=run.metrics)
        run.dataset(f"{folder.name}-train", folder / "samples.train.jsonl", digest, "train", result.questions)
        for path in result.write(recipe, output):
            run.artifact(path)
        run.artifact(result.model, "adapter")
    return f"train run {train.run_id}, recipe grpo/{recipe.name}, {folder.name}, run {run.run_id}\n{result.text()}"
