"""What evaluations leave at a version, and how an earlier one is found by the name that a user gives it.

What agents do, as traces in MLflow.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from pipesql.records import Verdict
from pipesql.storage import read_jsonl
from pipesql.tracking.lookup import finished_run
from pipesql.tracking.registry import EVALUATE_RUN, Version, get_version, log_metrics, set_tags, versions
from pipesql.tracking.runs import get_run

CONFIDENCE = "pipesql.confidence"
"""Tag of a version: what makes its answers trustworthy (`inference.confidence`)."""


def earlier_evaluation(wanted: str) -> tuple[str, list[Verdict]] | None:
    """(name, verdicts of the tuned model) of a version's last evaluation, or of a finished evaluate run.

    `wanted` is a registered version's number or alias, or a run's id; None where it is empty. Raises NoSuchRun where
    there is no such version or run, or the version was never evaluated.
    """
    if not wanted:
        return None
    if any(wanted == str(v.number) or wanted in v.aliases for v in versions()):
        version = get_version(wanted, evaluated=True)
        name, run = str(version), get_run(version.tags[EVALUATE_RUN])
        name = name if wanted == str(version.number) else f"{wanted} ({name})"
    else:
        name, run = f"run {wanted}", finished_run("evaluate", wanted)
    return name, list(read_jsonl(run.artifact("verdicts/tuned.jsonl"), Verdict))


def origin(version: Version, data_run: str) -> dict[str, str]:
    """The tags by which a run that evaluates a version says what that was made of, and on what data it is asked."""
    names = ("pipesql.model", "pipesql.recipe", "pipesql.train_run")
    made_of = {name: version.tags.get(name, "") for name in names}
    return {**made_of, "pipesql.version": str(version.number), "pipesql.data_run": data_run}


def note_evaluation(
    version: Version, run_id: str, data_digest: str, metrics: Mapping[str, float], tags: Mapping[str, str]
) -> None:
    """Write down at a version, and at the run that made it, how good the evaluate run `run_id` found it."""
    log_metrics(version, metrics)
    set_tags(version, {**tags, EVALUATE_RUN: run_id, "pipesql.evaluate_data": data_digest})


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
