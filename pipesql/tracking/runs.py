"""One MLflow run per step: what a step logs, and how a later step finds what an earlier one left.

`step_run` opens the run that `mlflow run` made for this process, or a new one in the experiment `pipesql`.
Parameters carry the step's name as a prefix, because `mlflow run` logs the entry point's own parameters under
their bare names and MLflow drops a whole batch when one name comes back with another value.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipesql.errors import InvalidOption, NoSuchRun, PipesqlError, StorageError
from pipesql.tracking.open_run import TAG_LIMIT, StepRun
from pipesql.tracking.store import use_store
from pipesql.tracking.tags import ERROR, RESUMES, STEP, current

if TYPE_CHECKING:
    from mlflow.entities import Run

_SYSTEM_SECONDS = 10


@dataclass(frozen=True)
class RunRef:
    """A run on record: what it logged, by the names that the step used."""

    run_id: str
    step: str
    params: dict[str, str]
    """Everything logged as a parameter: `train.model` (by the step) and `model` (by `mlflow run`)."""
    metrics: dict[str, float]
    """The last value of each metric."""
    tags: dict[str, str]
    artifact_uri: str = ""
    status: str = ""
    name: str = ""
    seconds: float = 0.0
    """Wall time from start to end; 0 while it runs."""

    def artifact(self, path: str) -> Path:
        """The local path of an artifact file or folder of this run. Raises NoSuchRun where there is none."""
        import mlflow
        from mlflow.exceptions import MlflowException
        from mlflow.utils.file_utils import local_file_uri_to_path
        from mlflow.utils.uri import is_local_uri

        lost = f"run {self.run_id} ({self.step}) has no artifact {path!r}: run that step again"
        use_store()
        try:
            if is_local_uri(self.artifact_uri):
                # Read in place: MLflow would copy the whole folder to a temporary one.
                local = Path(local_file_uri_to_path(self.artifact_uri)) / path
            else:
                local = Path(mlflow.artifacts.download_artifacts(run_id=self.run_id, artifact_path=path))
        except (MlflowException, OSError) as e:
            raise NoSuchRun(lost) from e
        if not local.exists():
            raise NoSuchRun(lost)
        return local

    def history(self, metric: str) -> list[tuple[int, float]]:
        """Every (step, value) of a metric in the order logged; empty where it was never logged."""
        from mlflow import MlflowClient

        use_store()
        return [(int(m.step), float(m.value)) for m in MlflowClient().get_metric_history(self.run_id, metric)]


@contextmanager
def step_run(
    step: str,
    name: str | None = None,
    tags: Mapping[str, Any] | None = None,
    *,
    resume: str = "",
    system_metrics: bool = False,
) -> Iterator[StepRun]:
    """Open the run of a step; the block's end finishes it, an exception fails it with its sentence as a tag.

    The run is the one in `MLFLOW_RUN_ID` (set by `mlflow run`), which keeps a name that its caller chose, else a
    new one. With `resume` it is the run of that id, which is reopened; the one that `mlflow run` made gets a tag with
    that id. `system_metrics` records processor, memory and GPU. Raises StorageError if the tracking store cannot be
    read or written, and whatever the block raises.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    experiment = use_store()
    given = given_run()
    if system_metrics:
        mlflow.set_system_metrics_sampling_interval(_SYSTEM_SECONDS)
    recorded = {"log_system_metrics": system_metrics}
    try:
        if resume:
            if given:
                _note_resumed(given, resume)
            os.environ.pop("MLFLOW_RUN_ID", None)
            run = mlflow.start_run(run_id=resume, **recorded)
            if ERROR in run.data.tags:
                mlflow.delete_tag(ERROR)
        elif given:
            # The run stays in its experiment, whatever the environment names. The step replaces a generated name.
            run = mlflow.start_run(run_id=given, run_name=_better_name(given, name or step), **recorded)
            os.environ.pop("MLFLOW_RUN_ID", None)
        else:
            run = mlflow.start_run(experiment_id=experiment, run_name=name or step, **recorded)
        try:
            opened = StepRun(run.info.run_id, step, run.info.experiment_id)
            opened.tags(**{STEP: step, **(tags or {})})
            yield opened
        except BaseException as e:
            _end_badly(e)
            raise
        mlflow.end_run("FINISHED")
    except MlflowException as e:
        if e.error_code != "TEMPORARILY_UNAVAILABLE":
            raise
        # So MLflow calls whatever the database itself refuses: a full disk, a read-only file, a lock that stays.
        reason = str(e).splitlines()[0]
        raise StorageError(f"the tracking store cannot be written ({reason}): free space or make it writable") from e


def given_run() -> str:
    """The run that this process was started to work in and has not opened yet, by `mlflow run` or a parent; or ""."""
    return os.environ.get("MLFLOW_RUN_ID", "")


def note_early_failure(error: PipesqlError) -> None:
    """Fail the run that `mlflow run` made for this process, if it did: its step has no use for it."""
    if not (given := given_run()):
        return
    from mlflow import MlflowClient

    use_store()
    MlflowClient().set_tag(given, ERROR, str(error)[:TAG_LIMIT])
    MlflowClient().set_terminated(given, "FAILED")


def _note_resumed(run_id: str, resumed: str) -> None:
    """Record, on the run that `mlflow run` made for a step that resumes another one, where the results are."""
    from mlflow import MlflowClient

    client = MlflowClient()
    client.set_tag(run_id, RESUMES, resumed)
    client.set_tag(run_id, STEP, "resume")


def _end_badly(cause: BaseException) -> None:
    """Mark the active run failed, or killed by an interrupt, and leave the reason as a tag."""
    import mlflow
    from mlflow.exceptions import MlflowException

    killed = isinstance(cause, KeyboardInterrupt)
    reason = "interrupted" if killed else str(cause) or type(cause).__name__
    try:
        mlflow.set_tag(ERROR, reason[:TAG_LIMIT])
        mlflow.end_run("KILLED" if killed else "FAILED")
    except MlflowException as e:
        # The caller gets the cause itself; only the record of it is incomplete.
        print(f"the run's failure could not be recorded: {str(e).splitlines()[0]}", file=sys.stderr)


def latest_run(step: str, tags: Mapping[str, str] | None = None, *, finished: bool = True) -> RunRef | None:
    """The newest run of a step with these tags, in the experiment of this process; None if there is none.

    With `finished` one that finished, else one that did not: killed, failed, or still recorded as running.
    """
    import mlflow
    from mlflow import MlflowClient

    experiment = use_store()
    active = mlflow.active_run()
    wanted = {STEP: step, **(tags or {})}
    conditions = [f"tags.`{name}` = {_quoted(value)}" for name, value in wanted.items()]
    found = MlflowClient().search_runs(
        [active.info.experiment_id if active else experiment],
        " and ".join([f"attributes.status {'=' if finished else '!='} 'FINISHED'", *conditions]),
        order_by=["attributes.end_time DESC" if finished else "attributes.start_time DESC"],
        max_results=1,
    )
    return _reference(found[0]) if found else None


def get_run(run_id: str) -> RunRef:
    """The run of that id, finished or not. Raises NoSuchRun where the tracking store has none."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    use_store()
    try:
        return _reference(MlflowClient().get_run(run_id))
    except MlflowException as e:
        raise NoSuchRun(f"there is no run {run_id!r} in the tracking store; give an id that MLflow's pages show") from e


def children(run_id: str) -> list[RunRef]:
    """The runs started by a run, oldest first."""
    from mlflow import MlflowClient

    use_store()
    client = MlflowClient()
    found = client.search_runs(
        [client.get_run(run_id).info.experiment_id],
        f"tags.`mlflow.parentRunId` = {_quoted(run_id)}",
        order_by=["attributes.start_time ASC"],
    )
    return [_reference(run) for run in found]


def _reference(run: Run) -> RunRef:
    info, data = run.info, run.data
    seconds = (info.end_time - info.start_time) / 1000 if info.end_time else 0.0
    return RunRef(
        run_id=info.run_id,
        step=data.tags.get(STEP, data.tags.get("mlflow.project.entryPoint", "")),
        params=dict(data.params),
        metrics=dict(data.metrics),
        tags=current(data.tags),
        artifact_uri=str(info.artifact_uri or ""),
        status=str(info.status),
        name=info.run_name or "",
        seconds=seconds,
    )


def _better_name(run_id: str, name: str) -> str | None:
    """`name` where the run still has the random name that MLflow gave it; None to leave a chosen one."""
    from mlflow import MlflowClient
    from mlflow.utils.name_utils import _GENERATOR_NOUNS, _GENERATOR_PREDICATES

    first, _, rest = (MlflowClient().get_run(run_id).info.run_name or "").partition("-")
    generated = first in _GENERATOR_PREDICATES and rest.partition("-")[0] in _GENERATOR_NOUNS
    return name if generated or not first else None


def _quoted(value: str) -> str:
    if "'" not in value:
        return f"'{value}'"
    if '"' not in value:
        return f'"{value}"'
    raise InvalidOption(f"cannot search for runs by {value!r}: it contains both kinds of quotation marks")
