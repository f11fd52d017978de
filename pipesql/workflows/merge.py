"""Step `merge`: a trained adapter is merged into its base and registered as a version of `pipesql`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipesql.options import option
from pipesql.storage import file_digest
from pipesql.tracking import tags
from pipesql.tracking.lookup import trained_run
from pipesql.tracking.runs import step_run
from pipesql.tracking.store import project_root

if TYPE_CHECKING:
    from pipesql.merge.merge import Merged
    from pipesql.tracking.open_run import StepRun
    from pipesql.tracking.runs import RunRef

ORIGIN = (tags.DATA_RUN, tags.DATA_DIGEST, tags.BENCHMARK, tags.VALUES, tags.KEYS)
"""Tags of the train run that its model keeps."""


@dataclass(frozen=True)
class MergeOptions:
    """Which trained model is merged, and into what."""

    run_id: str = option("", "Train run whose adapter is merged; default: the newest finished one.")
    recipe: str = option("", "Merge the newest finished train run of this recipe.")
    checkpoint: str = option("best", "Checkpoint to merge: best, last, or the step of one that was kept.")
    scaling: float = option(1.0, "Factor on the adapter, above 0 and up to 1: 1.0 merges all of it.", old="strength")
    average: str = option("", "Models to average the merged weights with, comma-separated: models:/pipesql/2.")
    gguf: str = option("", "Also export a GGUF file for llama.cpp: f16, bf16, q8_0 or f32.")


def merge(options: MergeOptions) -> str:
    """Merge a trained adapter into its base and register the model.

    The new version becomes the challenger.
    """
    with step_run("merge") as run:
        train = trained_run(options.run_id, {tags.RECIPE: options.recipe} if options.recipe else None)
        run.tags(**{tags.TRAIN_RUN: train.run_id})
        run.params(run_id=train.run_id, recipe=options.recipe, checkpoint=options.checkpoint, scaling=options.scaling)
        from pipesql.finetune.sft.checkpoints import Checkpoints
        from pipesql.merge.gguf import require_kind
        from pipesql.merge.logit_check import example_messages
        from pipesql.merge.merge import MAX_NEW_TOKENS
        from pipesql.merge.merge import merge as merge_adapter
        from pipesql.tracking.continued import models_named
        from pipesql.tracking.registry import register

        require_kind(options.gguf)
        kept = Checkpoints(project_root() / train.tags.get(tags.OUTPUT, ""))
        best = options.checkpoint == "best"
        adapter = train.artifact("adapter") if best else kept.named(options.checkpoint)
        merged = merge_adapter(adapter, options.scaling, models_named(options.average))
        run.tags(**(origin := origin_tags(merged, train, run)))
        run.params(base=merged.base.name, trained_by=merged.recipe, layout=merged.layout)
        run.params(average=options.average, gguf=options.gguf)
        run.metrics(merged.metrics())
        run.table(merged.size_rows(), "model_size.json")
        if options.gguf:
            _export(run, merged, f"pipesql-{train.run_id[:8]}-{options.gguf}.gguf", options.gguf)
        version = register(
            merged.model, merged.tokenizer, messages=example_messages(), max_new_tokens=MAX_NEW_TOKENS, tags=origin
        )
        run.tags(**{tags.VERSION: version.number})
    aliases = " and ".join(version.aliases)
    return f"registered pipesql {version} as {aliases} ({version.stage}): {merged.describe()}"


def origin_tags(merged: Merged, train: RunRef, run: StepRun) -> dict[str, str]:
    """The tags that record where the merged model comes from, and the prompts that it was trained with."""
    return {
        tags.RECIPE: merged.recipe,
        tags.LAYOUT: merged.layout,
        tags.SCALING: f"{merged.scaling:g}",
        tags.AVERAGED: ", ".join(merged.averaged),
        tags.MODEL: merged.base.name,
        tags.BASE_DIGEST: merged.base.digest,
        tags.TRAIN_RUN: train.run_id,
        tags.MERGE_RUN: run.run_id,
        **{name: train.tags[name] for name in ORIGIN if name in train.tags},
    }


def _export(run: StepRun, merged: Merged, name: str, kind: str) -> None:
    """Write the model as a GGUF file and log it."""
    from pipesql.merge.gguf import export_gguf

    file = project_root() / "output" / "merge" / run.run_id / name
    run.artifact(export_gguf(merged.model, merged.tokenizer, file, kind, merged.describe()), "gguf")
    run.tags(**{tags.GGUF: file.name, tags.GGUF_SHA256: file_digest(file)})
