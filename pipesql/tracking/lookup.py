"""Find the output of an earlier step: of the run that an option names, or of the newest finished one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipesql.errors import InvalidFile, NoSuchRun
from pipesql.tracking.runs import RunRef, get_run, latest_run
from pipesql.tracking.store import command_of, project_root
from pipesql.tracking.tags import OUTPUT

_SERVES = {"train": ("train", "grpo")}
"""A grpo run also leaves a trained model in `adapter`, so its id can stand for that of a train run."""


def finished_run(step: str, run_id: str = "", tags: Mapping[str, str] | None = None) -> RunRef:
    """The finished run of a step with that id, else the newest one with these tags.

    Raises NoSuchRun, naming the step to run first, if there is none.
    """
    if run_id:
        run = get_run(run_id)
        if run.step not in _SERVES.get(step, (step,)) or run.status != "FINISHED":
            is_what = f"{run.status.lower() or 'unknown'} {run.step or 'foreign'} run"
            raise NoSuchRun(f"run {run_id} is a {is_what}: give the id of a finished {step} run")
        return run
    found = latest_run(step, tags)
    if found is None:
        which = " with " + ", ".join(f"{k.removeprefix('pipesql.')} {v}" for k, v in tags.items()) if tags else ""
        raise NoSuchRun(f"there is no finished {step} run{which}: run that step first ({command_of(step)})")
    return found


def trained_run(run_id: str = "", tags: Mapping[str, str] | None = None) -> RunRef:
    """The run whose model is merged: `finished_run`, or one that failed, if `run_id` names it and it left an adapter.

    A run that the guard stops fails, but its best checkpoint can be merged. Raises NoSuchRun.
    """
    if run_id:
        run = get_run(run_id)
        if run.step in _SERVES["train"] and run.status == "FAILED":
            run.artifact("adapter")
            return run
    return finished_run("train", run_id, tags)


def unfinished_run(step: str, run_id: str) -> RunRef:
    """The run of a step to resume: the one of that id, or with `last` the newest that did not finish.

    Raises NoSuchRun if there is none.
    """
    if run_id != "last":
        run = get_run(run_id)
        if run.step != step or run.status == "FINISHED":
            is_what = f"{run.status.lower() or 'unknown'} {run.step or 'foreign'} run"
            raise NoSuchRun(f"run {run_id} is a {is_what}: give the id of a {step} run that did not finish, or `last`")
        return run
    found = latest_run(step, finished=False)
    if found is None:
        raise NoSuchRun(f"there is no {step} run to resume: every one has finished")
    return found


def data_folder(data: str) -> tuple[Path, str]:
    """The folder of golden pairs and samples that `data` names, and the id of the run that made it ("" for a folder).

    `data` is `auto` (the newest finished data run), a data run's id, or a folder. Raises NoSuchRun if there is no such
    run, and InvalidFile if its folder is gone or holds no golden pairs.
    """
    run_id = ""
    if data and data != "auto" and (project_root() / data).is_dir():
        folder = project_root() / data
    else:
        run = finished_run("data", "" if data in ("", "auto") else data)
        run_id, folder = run.run_id, project_root() / run.tags.get(OUTPUT, "")
    if not (folder / "golden.jsonl").is_file():
        source = f" (the output of data run {run_id})" if run_id else ""
        raise InvalidFile(f"{folder}{source} holds no golden.jsonl: run the data step again ({command_of('data')})")
    return folder, run_id


def golden_file(data: str) -> Path:
    """The golden.jsonl of an earlier build: in an output folder, or logged or left behind by a finished data run.

    Raises NoSuchRun if there is no such run, and InvalidFile if its pairs are gone.
    """
    for folder in (Path(data), project_root() / data):
        if folder.is_dir():
            if not (folder / "golden.jsonl").is_file():
                raise InvalidFile(f"the baseline {data} holds no golden.jsonl: give an output folder of the data step")
            return folder / "golden.jsonl"
    run = finished_run("data", data)
    try:
        return run.artifact("golden.jsonl")
    except NoSuchRun:  # too large to be logged: the output folder, if it is still what the run wrote
        folder = project_root() / run.tags.get(OUTPUT, "")
        manifest = folder / "manifest.json"
        if manifest.is_file() and manifest.read_bytes() == run.artifact("manifest.json").read_bytes():
            return folder / "golden.jsonl"
    raise InvalidFile(
        f"the golden pairs of data run {data} are gone: a later build replaced its output; give another baseline"
    )
