"""Evaluations in MLflow: what they record on a version, how an earlier one is found, and agents' steps as traces."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from pipesql.records import Verdict
from pipesql.storage import read_jsonl
from pipesql.tracking import tags as names
from pipesql.tracking.lookup import finished_run
from pipesql.tracking.registry import Version, get_version, log_metrics, set_tags, versions
from pipesql.tracking.runs import get_run


def earlier_evaluation(wanted: str) -> tuple[str, list[Verdict]] | None:
    """(name, verdicts of the tuned model) of a version's last evaluation, or of a finished evaluate run.

    `wanted` is a registered version's number or alias, or a run's id; an empty one gives None. Raises NoSuchRun if
    there is no such version or run, or the version has not been evaluated.
    """
    if not wanted:
        return None
    if any(wanted == str(v.number) or wanted in v.aliases for v in versions()):
        version = get_version(wanted, evaluated=True)
        name, run = str(version), get_run(version.tags[names.EVALUATE_RUN])
        name = name if wanted == str(version.number) else f"{wanted} ({name})"
    else:
        name, run = f"run {wanted}", finished_run("evaluate", wanted)
    return name, list(read_jsonl(run.artifact("verdicts/tuned.jsonl"), Verdict))


def origin(version: Version, data_run: str) -> dict[str, str]:
    """The tags of a run that evaluates a version: what the version was made from, and the data of the questions."""
    made_of = {name: version.tags.get(name, "") for name in (names.MODEL, names.RECIPE, names.TRAIN_RUN)}
    return {**made_of, names.VERSION: str(version.number), names.DATA_RUN: data_run}


def note_evaluation(
    version: Version, run_id: str, data_digest: str, metrics: Mapping[str, float], figures: Mapping[str, str]
) -> None:
    """Record on a version, and on the run that made it, how good the evaluate run `run_id` found it to be.

    `metrics` go to the run, `figures` to the version, as tags."""
    log_metrics(version, metrics)
    set_tags(version, {**names.of_figures(figures), names.EVALUATE_RUN: run_id, names.EVALUATE_DATA: data_digest})


Note = Callable[[Mapping[str, Any]], None]


class Traces:
    """Records a `share` of the questions, drawn by `seed`, as traces of the active experiment and run; use `span`.

    The first span of a question decides for all spans within it.
    """

    def __init__(self, share: float = 1.0, seed: int = 0) -> None:
        self._share, self._draw, self._depth, self._on = share, random.Random(seed), 0, False

    def span(self, name: str, kind: str, inputs: Mapping[str, Any]) -> AbstractContextManager[Note]:
        """A span (`inference.agent.Span`)."""
        if self._depth == 0:
            self._on = self._draw.random() < self._share
        return self._recorded(name, kind, inputs) if self._on else self._silent()

    @contextmanager
    def _recorded(self, name: str, kind: str, inputs: Mapping[str, Any]) -> Iterator[Note]:
        import mlflow

        self._depth += 1
        try:
            with mlflow.start_span(name, span_type=kind) as span:
                span.set_inputs(dict(inputs))
                yield span.set_outputs
        finally:
            self._depth -= 1

    @contextmanager
    def _silent(self) -> Iterator[Note]:
        self._depth += 1
        try:
            with nullcontext():
                yield lambda outputs: None
        finally:
            self._depth -= 1
