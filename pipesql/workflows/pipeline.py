"""The whole pipeline: a parent run whose children are data, train, merge, evaluate and promote."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pipesql.benchmarks import Source
from pipesql.finetune.recipe.recipe import Recipe
from pipesql.options import as_parameters, group, option, overrides, values_of
from pipesql.tracking import tags
from pipesql.workflows.data import DataOptions
from pipesql.workflows.evaluate import EvaluateOptions
from pipesql.workflows.merge import MergeOptions
from pipesql.workflows.promote import PromoteOptions
from pipesql.workflows.train import TrainOptions


@dataclass(frozen=True)
class PipelineOptions:
    """What the pipeline trains, and on which questions."""

    source: Source = group(Source)
    model: str = option("smol", "tiny, smol, 0.5b … 7b, a hub id, a folder, or a version: models:/pipesql/2.")
    recipe: str = option("auto", "A recipe's name or a YAML file; auto: chosen by the model.")
    eval_limit: int = option(0, "Evaluate on up to N questions; 0: all.")
    seed: int = option(0, "Seeds the samples, the training and the evaluation.")
    overrides: Mapping[str, str] = overrides(Recipe)


def pipeline(options: PipelineOptions) -> str:
    """Run data, train, merge, evaluate and promote.

    Options named like fields of a recipe override it.
    """
    from pipesql.tracking.pipeline import run_entry
    from pipesql.tracking.runs import RunRef, get_run, step_run
    from pipesql.tracking.summary import STEPS, pipeline_metrics, summarise, summary_text

    done: dict[str, RunRef] = {}

    def run_step(step: str, given: Any) -> RunRef:
        click.secho(f"[{len(done) + 1}/{len(STEPS)}] {step}", bold=True)
        done[step] = get_run(run_entry(step, as_parameters(given)))
        click.echo(f"[{len(done)}/{len(STEPS)}] {step} took {done[step].seconds:.0f} s, run {done[step].run_id}")
        return done[step]

    with step_run("main", tags={tags.BENCHMARK: options.source.benchmark, tags.MODEL: options.model}) as run:
        run.params(**values_of(options))
        seed = options.seed
        data = run_step("data", DataOptions(source=options.source, seed=seed))
        training = TrainOptions(options.model, options.recipe, data.run_id, seed=seed, overrides=options.overrides)
        train = run_step("train", training)
        merge = run_step("merge", MergeOptions(run_id=train.run_id))
        version = merge.tags[tags.VERSION]
        run_step("evaluate", EvaluateOptions(version, data.run_id, limit=options.eval_limit, seed=seed))
        run_step("promote", PromoteOptions(version))
        figures = summarise(done)
        run.metrics(pipeline_metrics(figures))
        run.tags(**{tags.VERSION: version, tags.TRAIN_RUN: train.run_id, tags.DATA_RUN: data.run_id})
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "summary.txt").write_text(summary_text(figures), encoding="utf-8")
            Path(folder, "summary.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
            run.artifact(folder)
    return "\n" + summary_text(figures)
