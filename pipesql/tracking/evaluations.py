"""What evaluations leave at a version, and how an earlier one is found by the name that a user gives it."""

from __future__ import annotations

from collections.abc import Mapping

from pipesql.records import Verdict, read_jsonl
from pipesql.tracking.lookup import finished_run
from pipesql.tracking.registry import EVALUATE_RUN, Version, get_version, log_metrics, set_tags, versions
from pipesql.tracking.runs import get_run

CONFIDENCE = "pipesql.confidence"
"""Tag of a version: what makes its answers trustworthy (`evaluate.confidence`)."""


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
