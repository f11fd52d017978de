"""One run per step: what is logged can be found again, and a failure leaves its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE
from mlflow.store.tracking.dbmodels.models import SqlDataset
from sqlalchemy.orm import Query

from pipesql.errors import BadInput, NoSuchRun
from pipesql.tracking.runs import children, get_run, latest_run, step_run

pytestmark = pytest.mark.usefixtures("store")


def test_a_run_comes_back_as_it_was_logged(tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text("fine\n")
    with step_run("data", tags={"pipesql.benchmark": "demo"}) as run:
        run.params(benchmark="demo", limit=0)
        run.metrics({"golden/pairs": 3}, step=1)
        run.metrics({"golden/pairs": 5}, step=2)
        run.artifact(report)
        run.artifact(tmp_path, "all")
        run.table([{"id": 1, "sql": "FROM a"}, {"id": 2}], "predictions.json")
        run.tags(**{"pipesql.output": "output/data/x"})

    found = get_run(run.run_id)
    assert (found.step, found.name, found.status) == ("data", "data", "FINISHED")
    assert found.params == {"data.benchmark": "demo", "data.limit": "0"}
    assert found.metrics == {"golden/pairs": 5.0}
    assert found.history("golden/pairs") == [(1, 3.0), (2, 5.0)]
    assert found.tags["pipesql.output"] == "output/data/x"
    assert found.artifact("report.txt").read_text() == "fine\n"
    assert found.artifact("all/report.txt").is_file()
    assert json.loads(found.artifact("predictions.json").read_text())["data"] == [[1, "FROM a"], [2, None]]
    with pytest.raises(NoSuchRun, match=r"no artifact 'adapter'"):
        found.artifact("adapter")


def test_a_dataset_keeps_its_digest_source_and_row_count(tmp_path: Path) -> None:
    with step_run("train") as run:
        run.dataset("samples", tmp_path / "samples.train.jsonl", "0f" * 32, context="train", rows=12)
    (given,) = MlflowClient().get_run(run.run_id).inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("samples", ("0f" * 32)[:36])
    assert json.loads(given.dataset.profile) == {"num_rows": 12}
    assert json.loads(given.dataset.source)["uri"] == str(tmp_path / "samples.train.jsonl")
    assert [tag.value for tag in given.tags] == ["train"]


def test_two_runs_may_record_the_same_new_dataset_at_the_same_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store of the second looks for it before the first has inserted it, and inserts it afterwards."""
    look_up, looked = Query.all, []

    def all_but_the_first(query: Query) -> list[object]:
        found = look_up(query)
        if query.column_descriptions[0]["entity"] is SqlDataset and not looked:
            looked.append(len(found))
            return []
        return found

    with step_run("evaluate") as first:
        first.dataset("dev", tmp_path, "ab" * 16)
    monkeypatch.setattr(Query, "all", all_but_the_first)
    with step_run("evaluate") as second:
        second.dataset("dev", tmp_path, "ab" * 16)
    assert looked == [1]
    given = [MlflowClient().get_run(run.run_id).inputs.dataset_inputs for run in (first, second)]
    assert [one.dataset.name for inputs in given for one in inputs] == ["dev", "dev"]


def test_an_exception_fails_the_run_and_leaves_its_sentence() -> None:
    with pytest.raises(BadInput), step_run("train") as run:
        raise BadInput("no folder output/data/x: run the data step first")
    found = get_run(run.run_id)
    assert found.status == "FAILED"
    assert found.tags["pipesql.error"] == "no folder output/data/x: run the data step first"


def test_an_interrupt_kills_the_run() -> None:
    with pytest.raises(KeyboardInterrupt), step_run("train") as run:
        raise KeyboardInterrupt
    assert get_run(run.run_id).status == "KILLED"


def test_the_newest_finished_run_with_the_tags_is_found() -> None:
    assert latest_run("merge") is None
    with step_run("merge", tags={"pipesql.recipe": "smoke"}) as first:
        pass
    with step_run("merge", tags={"pipesql.recipe": "it's"}) as second:
        pass
    with pytest.raises(BadInput), step_run("merge", tags={"pipesql.recipe": "smoke"}):
        raise BadInput("broken")
    newest, smoke, quoted = (
        latest_run("merge", tags) for tags in (None, {"pipesql.recipe": "smoke"}, {"pipesql.recipe": "it's"})
    )
    assert newest and newest.run_id == second.run_id
    assert smoke and smoke.run_id == first.run_id
    assert quoted and quoted.run_id == second.run_id


def test_a_run_that_mlflow_opened_is_used_and_named(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = MlflowClient(store)
    experiment = client.create_experiment("elsewhere")
    for chosen, expected in ((None, "data"), ("my name", "my name")):
        opened = client.create_run(experiment, run_name=chosen)
        monkeypatch.setenv("MLFLOW_RUN_ID", opened.info.run_id)
        monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
        with step_run("data") as run:
            assert (run.run_id, run.experiment_id) == (opened.info.run_id, experiment)
        assert (get_run(run.run_id).name, get_run(run.run_id).status) == (expected, "FINISHED")


def test_children_are_listed_oldest_first(store: str) -> None:
    with step_run("main") as parent:
        made = [
            MlflowClient(store).create_run(parent.experiment_id, tags={"mlflow.parentRunId": parent.run_id})
            for _ in range(2)
        ]
    assert {c.run_id for c in children(parent.run_id)} == {run.info.run_id for run in made}


def test_an_unknown_run_is_one_sentence() -> None:
    with pytest.raises(NoSuchRun, match="there is no run 'nonsense'"):
        get_run("nonsense")


@pytest.mark.parametrize("moment", ["opening", "logging"])
def test_a_store_that_cannot_be_written_is_one_sentence(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with step_run("data"):
        pass
    refused = MlflowException(
        "(sqlite3.OperationalError) attempt to write a readonly database\n[SQL: INSERT …]", TEMPORARILY_UNAVAILABLE
    )

    def refuse(*_: object, **__: object) -> None:
        raise refused

    monkeypatch.setattr(f"mlflow.{'start_run' if moment == 'opening' else 'log_metrics'}", refuse)
    sentence = r"attempt to write a readonly database\): free space or make it writable"
    with pytest.raises(BadInput, match=sentence), step_run("data") as run:
        run.metrics({"golden/pairs": 1})
