"""Merge a trained adapter into its base, register the model as `pipesql` and make it the challenger."""

from __future__ import annotations

import click

from pipesql.storage import file_digest
from pipesql.tracking.lookup import trained_run
from pipesql.tracking.runs import step_run
from pipesql.tracking.store import project_root
from steps import StepCommand

ORIGIN = ("pipesql.data_run", "pipesql.data_digest", "pipesql.benchmark", "pipesql.values", "pipesql.keys")
"""Tags of the train run that its model keeps."""


@click.command(cls=StepCommand)
@click.option("--run_id", default="", help="The train run whose adapter is merged; default: the newest finished one.")
@click.option("--recipe", default="", help="Take the newest finished train run of this recipe.")
@click.option("--checkpoint", default="best", help="best, last, or the step of a checkpoint that is still there.")
@click.option("--strength", default=1.0, show_default=True, help="How much of what was learnt is merged, up to 1.")
@click.option("--average", default="", help="Models to average the weights with, by commas: models:/pipesql/2, …")
@click.option("--gguf", default="", help="Also export a GGUF file for llama.cpp: f16, bf16, q8_0 or f32.")
def main(run_id: str, recipe: str, checkpoint: str, strength: float, average: str, gguf: str) -> None:
    """Merge the adapter of a train run and register the result."""
    with step_run("merge") as run:
        train = trained_run(run_id, {"pipesql.recipe": recipe} if recipe else None)
        run.tags(**{"pipesql.train_run": train.run_id})
        run.params(run_id=train.run_id, recipe=recipe, checkpoint=checkpoint, strength=strength)
        from pipesql.finetune.sft.checkpoints import Checkpoints
        from pipesql.merge.gguf import export_gguf, require_kind
        from pipesql.merge.logit_check import example_messages
        from pipesql.merge.merge import MAX_NEW_TOKENS, merge
        from pipesql.tracking.continued import models_named
        from pipesql.tracking.registry import register

        require_kind(gguf)
        kept = Checkpoints(project_root() / train.tags.get("pipesql.output", ""))
        adapter = train.artifact("adapter") if checkpoint == "best" else kept.named(checkpoint)
        merged = merge(adapter, strength, models_named(average))
        origin = merged.origin() | {"pipesql.train_run": train.run_id, "pipesql.merge_run": run.run_id}
        run.tags(**(origin := origin | {name: train.tags[name] for name in ORIGIN if name in train.tags}))
        run.params(base=merged.base.name, trained_by=merged.recipe, layout=merged.layout, average=average, gguf=gguf)
        run.metrics(merged.metrics())
        run.table(merged.size_rows(), "model_size.json")
        if gguf:
            file = project_root() / "output" / "merge" / run.run_id / f"pipesql-{train.run_id[:8]}-{gguf}.gguf"
            run.artifact(export_gguf(merged.model, merged.tokenizer, file, gguf, merged.describe()), "gguf")
            run.tags(**{"pipesql.gguf": file.name, "pipesql.gguf_sha256": file_digest(file)})
        version = register(
            merged.model, merged.tokenizer, messages=example_messages(), max_new_tokens=MAX_NEW_TOKENS, tags=origin
        )
        run.tags(**{"pipesql.version": version.number})
    aliases = " and ".join(version.aliases)
    click.echo(f"registered pipesql {version} as {aliases} ({version.stage}): {merged.describe()}")


if __name__ == "__main__":
    main()
