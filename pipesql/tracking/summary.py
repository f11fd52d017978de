"""The results of a whole pipeline, read back from its runs: one small table, and the same as a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipesql.tracking import tags
from pipesql.tracking.registry import get_version
from pipesql.tracking.runs import RunRef
from pipesql.tracking.store import ui_command

STEPS = ("data", "train", "merge", "evaluate", "promote")


def summarise(runs: Mapping[str, RunRef]) -> dict[str, Any]:
    """The figures of a pipeline's runs, given by step. A figure that a step did not log is None."""
    data, train, evaluate, promote = (runs[step] for step in ("data", "train", "evaluate", "promote"))
    version = get_version(runs["merge"].tags[tags.VERSION])
    # `mlflow run` logs the entry point's own parameters too, quoted for the shell: the step's are the ones read here.
    return {
        "benchmark": data.params.get("data.benchmark"),
        "layout": data.params.get("data.layout"),
        "model": train.tags.get(tags.MODEL),
        "recipe": train.tags.get(tags.RECIPE),
        "golden": data.metrics.get("golden/pairs"),
        "rejected": data.metrics.get("golden/rejected"),
        "rejected_by_reason": _group(data.metrics, "rejected/"),
        "samples": {name: data.metrics.get(f"samples/{name}") for name in ("train", "dev", "withheld")},
        "tokens": train.metrics.get("train/tokens"),
        "train_loss_first": train.metrics.get("train/loss_first"),
        "train_loss_last": train.metrics.get("train/loss_last"),
        "token_accuracy": train.metrics.get("eval/token_accuracy", train.metrics.get("train/token_accuracy")),
        "questions": evaluate.metrics.get("tuned/n"),
        "base_ex": evaluate.metrics.get("base/ex"),
        "tuned_ex": evaluate.metrics.get("tuned/ex"),
        "base_valid": evaluate.metrics.get("base/valid"),
        "tuned_valid": evaluate.metrics.get("tuned/valid"),
        "version": version.number,
        "aliases": list(version.aliases),
        "stage": version.stage,
        "decision": promote.tags.get(tags.DECISION),
        "seconds": {step: round(runs[step].seconds, 1) for step in STEPS},
        "runs": {step: runs[step].run_id for step in STEPS},
    }


def pipeline_metrics(figures: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that the run of the whole pipeline logs: seconds of each step, accuracy and validity."""
    seconds = {f"pipeline/{step}_seconds": spent for step, spent in figures["seconds"].items()}
    return seconds | {
        f"pipeline/{name}": figures[name] for name in ("base_ex", "tuned_ex", "base_valid", "tuned_valid")
    }


def summary_text(figures: Mapping[str, Any]) -> str:
    """The figures as a table of label and value, with a newline at its end."""
    seconds = figures["seconds"]
    reasons = ", ".join(f"{reason} {count:.0f}" for reason, count in figures["rejected_by_reason"].items())
    samples = ", ".join(f"{_count(count)} {split}" for split, count in figures["samples"].items())
    aliases = " and ".join(figures["aliases"])
    rows = [
        ("model", f"{figures['model']}, recipe {figures['recipe']}, benchmark {figures['benchmark']}"),
        ("golden pairs", _count(figures["golden"])),
        ("rejected", _count(figures["rejected"]) + (f" ({reasons})" if reasons else "")),
        ("samples", f"{samples} ({figures['layout']} layout)"),
        ("tokens trained on", _count(figures["tokens"])),
        ("train loss", f"{_decimal(figures['train_loss_first'])} → {_decimal(figures['train_loss_last'])}"),
        ("token accuracy", _percent(figures["token_accuracy"])),
        ("", f"base → fine-tuned, {_count(figures['questions'])} questions on databases it never saw"),
        ("execution accuracy", f"{_percent(figures['base_ex'])} → {_percent(figures['tuned_ex'])}"),
        ("valid answers", f"{_percent(figures['base_valid'])} → {_percent(figures['tuned_valid'])}"),
        ("registered", f"pipesql version {figures['version']}, alias {aliases or 'none'}, stage {figures['stage']}"),
        ("seconds", ", ".join(f"{step} {spent:.0f}" for step, spent in seconds.items())),
        ("all steps", f"{sum(seconds.values()):.0f} s"),
        ("runs and models", f"{ui_command()}, then http://127.0.0.1:5000"),
    ]
    width = max(len(label) for label, _ in rows)
    return "".join(f"  {label:<{width}}  {value}\n" for label, value in rows)


def _group(metrics: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {name.removeprefix(prefix): value for name, value in sorted(metrics.items()) if name.startswith(prefix)}


def _count(value: float | None) -> str:
    return "not logged" if value is None else f"{value:,.0f}"


def _decimal(value: float | None) -> str:
    return "not logged" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "not logged" if value is None else f"{value:.1%}"
