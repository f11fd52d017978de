"""The steps merge, evaluate and promote in one store, on the tiny model: from a train run to a champion, and errors."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.overfit import overfit

torch = pytest.importorskip("torch")
mlflow = pytest.importorskip("mlflow")

import pipesql.workflows.evaluate  # noqa: E402
import pipesql.workflows.promote  # noqa: E402
import steps.evaluate  # noqa: E402
import steps.merge  # noqa: E402
import steps.promote  # noqa: E402
from pipesql.chat.prompts import messages  # noqa: E402
from pipesql.chat.template import markers, operator_ids, prompt_ids  # noqa: E402
from pipesql.execution.database import Database  # noqa: E402
from pipesql.models import resolve_model  # noqa: E402
from pipesql.models.load import load_model, load_tokenizer  # noqa: E402
from pipesql.records import GoldenPair, Sample, Verdict  # noqa: E402
from pipesql.storage import read_jsonl, write_jsonl  # noqa: E402
from pipesql.tracking import registry  # noqa: E402
from pipesql.tracking.runs import RunRef, get_run, latest_run, step_run  # noqa: E402
from tests.support.pairs import golden_pair  # noqa: E402

QUESTIONS = 6
"""Enough that answering all against none is no chance (p = 1/64), few enough to be memorised."""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Path]:
    """A project folder with a store of its own; the steps write their output there."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
            patch.delenv(name, raising=False)
        for module in (pipesql.workflows.evaluate, pipesql.workflows.promote):
            patch.setattr(module, "project_root", lambda: folder)
        yield folder


@pytest.fixture(scope="module")
def questions(database) -> list[GoldenPair]:
    gold = "SELECT name FROM singer WHERE age > 30"
    pair = golden_pair(
        id="",
        database=str(database),
        question="",
        gold_sql=gold,
        split="dev",
        operators=("FROM singer", "|> WHERE age > 30", "|> SELECT name"),
        lowered_sql=gold,
        rows=3,
        hardness="easy",
    )
    return [replace(pair, id=f"q{i}", question="Who is older than 30" + "?" * (i + 1)) for i in range(QUESTIONS)]


@pytest.fixture(scope="module")
def data(tmp_path_factory, questions) -> Path:
    """A data folder; its train pair must not be asked."""
    folder = tmp_path_factory.mktemp("data")
    write_jsonl(folder / "golden.jsonl", [replace(questions[0], id="seen", split="train"), *questions])
    return folder


@pytest.fixture(scope="module")
def train_run(place, questions, tmp_path_factory) -> str:
    """A finished train run whose adapter has memorised the questions' answer."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    source = resolve_model("tiny")
    base, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    model = get_peft_model(base, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"))
    schema, marks = Database(questions[0].database).schema, markers(tokenizer)
    target = []
    for i, text in enumerate(questions[0].operators):
        target += [*operator_ids(tokenizer, text, first=i == 0), marks.end if i == 2 else marks.step]
    batch = [(prompt_ids(tokenizer, messages(schema, q.question)), target) for q in questions]
    overfit(model, batch, learning_rate=5e-3, below=0.3)
    folder = tmp_path_factory.mktemp("train") / "adapter"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "base.json").write_text(
        json.dumps({"model": source.name, "digest": source.digest, "recipe": "tiny", "layout": "folded"})
    )
    with step_run("train", tags={"pipesql.recipe": "tiny", "pipesql.data_digest": "d" * 64}) as run:
        run.artifact(folder, "adapter")
    return run.run_id


def ran(step, *options: str) -> str:
    result = CliRunner().invoke(step.main, options, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def refused(step, *options: str) -> str:
    """What a step says that cannot run: one sentence, and a run on record as failed."""
    result = CliRunner().invoke(step.main, options, catch_exceptions=False)
    assert result.exit_code != 0
    lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.output
    return lines[0]


def newest(step: str) -> RunRef:
    run = latest_run(step)
    assert run is not None
    return run


def test_each_step_names_the_one_that_is_missing(place) -> None:
    assert "no finished train run: run that step first (mlflow run . -e train)" in refused(steps.merge)
    assert "no finished train run with recipe smol" in refused(steps.merge, "--recipe", "smol")
    assert "no run 'nonsense'" in refused(steps.merge, "--run_id", "nonsense")
    assert "no model is registered yet: run the merge step first" in refused(steps.evaluate)
    assert "no model is registered yet" in refused(steps.promote)
    failed = mlflow.search_runs(search_all_experiments=True)
    assert set(failed["status"]) == {"FAILED"}


def test_merge_registers_the_challenger_and_links_the_train_run(place, train_run) -> None:
    said = ran(steps.merge)
    assert "registered pipesql version 1 as challenger (Staging)" in said
    run = newest("merge")
    assert run.tags["pipesql.train_run"] == train_run and run.tags["pipesql.version"] == "1"
    assert run.metrics["merge/max_logit_difference"] < 2e-3 < run.metrics["merge/adapter_effect"]
    table = json.loads(run.artifact("model_size.json").read_text())
    assert [row[0].split(" ")[0] for row in table["data"]] == ["base", "adapter", "merged"]
    tags = registry.get_version(1).tags
    assert (tags["pipesql.train_run"], tags["pipesql.recipe"]) == (train_run, "tiny")
    assert tags["pipesql.model"] == "tiny" and tags["pipesql.data_digest"] == "d" * 64


def test_evaluate_compares_base_and_tuned(place, train_run, data) -> None:
    said = ran(steps.evaluate, "--data", str(data))
    assert "execution accuracy" in said and "exact McNemar p = 0.031 (two-sided)" in said
    run = newest("evaluate")
    assert (run.metrics["base/ex"], run.metrics["tuned/ex"], run.metrics["tuned/valid"]) == (0, 1, 1)
    assert run.metrics["tuned/n"] == QUESTIONS and run.metrics["tuned/ex_easy"] == 1
    assert run.metrics["tuned/ex_low"] == pytest.approx(0.6096, abs=1e-3)
    assert run.params["evaluate.version"] == "1" and run.params["evaluate.batch"] == "16"
    assert [v.id for v in read_jsonl(run.artifact("verdicts/tuned.jsonl"), Verdict)] == [f"q{i}" for i in range(6)]
    table = json.loads(run.artifact("predictions.json").read_text())
    assert len(table["data"]) == QUESTIONS and "tuned_pipe_sql" in table["columns"]
    (dataset,) = mlflow.get_run(run.run_id).inputs.dataset_inputs
    assert dataset.dataset.name == data.name and json.loads(dataset.dataset.profile)["num_rows"] == QUESTIONS
    made = newest("merge")
    assert (made.metrics["evaluated/ex"], made.metrics["evaluated/base_ex"]) == (1, 0)
    assert (made.params["merge.base"], made.params["merge.trained_by"]) == ("tiny", "tiny")
    tags = registry.get_version(1).tags
    assert tags["pipesql.ex"] == "1.0000" and tags["pipesql.ex_interval"] == "0.6097 to 1.0000"
    assert tags["pipesql.evaluate_run"] == run.run_id
    assert (place / "output" / "evaluate" / run.run_id / "base.jsonl").is_file()


def test_evaluate_judges_by_every_rule_and_leaves_a_page(place, train_run, data) -> None:
    run = newest("evaluate")
    for rule in ("strict", "spider", "bird", "soft_f1"):
        assert (run.metrics[f"base/{rule}"], run.metrics[f"tuned/{rule}"]) == (0, 1)
        assert run.metrics[f"tuned/{rule}_low"] == run.metrics[f"tuned/{rule}_high"] == 1
    assert "tuned/spider_database_low" not in run.metrics, "one database says nothing of others"
    assert run.metrics["tuned/from_cache"] == 0 and run.metrics["tuned/tokens_per_answer"] > 3
    assert run.artifact("evaluation.html").read_text().startswith("<!doctype html>")
    assert "Evaluation of version 1 on" in run.artifact("evaluation.txt").read_text()
    assert json.loads(run.artifact("breakdown.json").read_text())["tuned"]["by_construct"]["where"]["strict"] == 1
    (verdict, *_) = read_jsonl(run.artifact("verdicts/tuned.jsonl"), Verdict)
    assert (verdict.spider, verdict.bird, verdict.soft_f1, verdict.diverges_at) == (True, True, 1.0, 0)


def test_evaluating_again_asks_nothing_and_gives_the_same_bytes(place, train_run, data) -> None:
    before = newest("evaluate")
    ran(steps.evaluate, "--data", str(data))
    run = newest("evaluate")
    assert run.run_id != before.run_id
    assert (run.metrics["base/from_cache"], run.metrics["tuned/from_cache"]) == (QUESTIONS, QUESTIONS)
    assert "tuned/answers_per_second" not in run.metrics
    one, other = (place / "output" / "evaluate" / r.run_id for r in (before, run))
    names = sorted(path.name for path in one.iterdir())
    assert names == ["base.jsonl", "breakdown.json", "evaluation.html", "evaluation.txt", "tuned.jsonl"]
    assert [(other / name).read_bytes() for name in names] == [(one / name).read_bytes() for name in names]


def test_promote_makes_the_better_model_champion(place, train_run) -> None:
    said = ran(steps.promote)
    assert said.startswith("promoted: version 1 is better than the base model: 6 of 6 questions right against 0")
    assert "[Production, champion]" in said
    champion = registry.champion()
    assert champion is not None and (champion.number, champion.stage) == (1, "Production")
    run = newest("promote")
    decision = json.loads(run.artifact("decision.json").read_text())
    assert decision["promote"] is True and decision["comparison"]["p"] == 1 / 64 and decision["version"] == 1
    assert run.metrics["promote/promoted"] == 1 and run.metrics["promote/p"] == 1 / 64
    assert run.tags["pipesql.decision"] == champion.tags["pipesql.decision"]


def test_the_champion_is_not_promoted_again(place, train_run) -> None:
    assert "not promoted: version 1 is the champion already" in ran(steps.promote)
    assert newest("promote").metrics == {"promote/promoted": 0.0}


def test_an_equal_challenger_stays_challenger(place, train_run, data) -> None:
    ran(steps.merge, "--run_id", train_run)
    said = ran(steps.evaluate, "--data", str(data), "--batch", "2", "--against", "champion")
    assert "against champion (version 1), on 6 questions that both were asked:" in said
    assert newest("evaluate").metrics["against/p"] == 1 and newest("evaluate").metrics["against/gained"] == 0
    assert "Against champion (version 1)" in newest("evaluate").artifact("evaluation.html").read_text()
    said = ran(steps.promote)
    assert said.startswith("not promoted: version 2 is not better than the champion, version 1, beyond chance: 6 of 6")
    assert "[Staging, challenger]" in said
    champion = registry.champion()
    assert champion is not None and champion.number == 1


def test_a_champion_measured_on_other_questions_stays(place, train_run, data) -> None:
    against = newest("evaluate").run_id
    said = ran(steps.evaluate, "--data", str(data), "--limit", "3", "--seed", "7", "--against", against)
    assert f"against run {against}, on 3 questions that both were asked:" in said
    assert newest("evaluate").metrics["tuned/n"] == 3
    said = ran(steps.promote, "--version", "2")
    assert "version 2 (3 questions) and the champion, version 1, (6 questions) were not evaluated on the same" in said
    assert newest("promote").status == "FINISHED"


def test_questions_on_chosen_databases_alone_say_nothing_of_a_version(place, train_run, questions, tmp_path) -> None:
    other = [replace(q, id=f"other-{q.id}", db_id="other") for q in questions[:2]]
    write_jsonl(tmp_path / "golden.jsonl", [*questions, *other])
    before = registry.get_version("").tags
    said = ran(steps.evaluate, "--data", str(tmp_path), "--database", "other")
    assert "on 2 dev questions" in said and newest("evaluate").params["evaluate.database"] == "other"
    ran(steps.evaluate, "--data", str(tmp_path), "--database", f"other, {questions[0].db_id}", "--base", "0")
    assert newest("evaluate").metrics["tuned/n"] == len(questions) + 2
    assert registry.get_version("").tags == before
    assert "no dev question is on the database 'sea': give some of " in refused(
        steps.evaluate, "--data", str(tmp_path), "--database", "other,sea"
    )


def test_databases_held_back_fit_the_confidence_of_a_version(place, train_run, questions, tmp_path) -> None:
    """Half of these golds are not what the model answers; dev evaluations of the version then use what was fitted."""
    pytest.importorskip("llguidance")
    other = [replace(q, gold_sql="SELECT age FROM singer") if n % 2 else q for n, q in enumerate(questions)]
    write_jsonl(tmp_path / "golden.jsonl", [replace(q, split="train") for q in other] + other)
    asked = ({"role": "user", "content": "Who?"},)
    held_back = Sample(id="q0", db_id="music", split="validation", layout="folded", prompt=asked, targets=("FROM a",))
    how = ("--data", str(tmp_path), "--base", "0", "--constrained", "1", "--check", "runs")
    assert "with validation=0.05" in refused(steps.evaluate, *how, "--split", "validation")
    write_jsonl(tmp_path / "samples.validation.jsonl", [held_back])
    before = registry.get_version("").tags
    said = ran(steps.evaluate, *how, "--split", "validation")
    assert f"on {QUESTIONS} validation questions" in said and "50.0%" in said
    assert newest("evaluate").params["evaluate.constrained"] == "True"
    tags = registry.get_version("").tags
    assert "pipesql.confidence" in tags
    assert {name: tags.get(name) for name in before} == before  # it is no proof of quality
    said = ran(steps.evaluate, *how)
    assert "confidence, expected calibration error" in said and "answering the surest 40%" in said
    assert newest("evaluate").metrics["tuned/accuracy_at_100"] == 0.5
    assert "mode is 'best'" in refused(steps.evaluate, *how, "--mode", "best")


def test_bad_options_are_one_sentence(place, train_run, data, tmp_path) -> None:
    assert "no version or alias '9'" in refused(steps.evaluate, "--version", "9", "--data", str(data))
    assert "no run 'nowhere'" in refused(steps.evaluate, "--data", "nowhere")
    assert "no run 'nowhere'" in refused(steps.evaluate, "--data", str(data), "--against", "nowhere")
    assert "is a finished merge run" in refused(steps.evaluate, "--against", newest("merge").run_id)
    assert "holds no golden.jsonl" in refused(steps.evaluate, "--data", str(tmp_path))
    (tmp_path / "golden.jsonl").write_text('{"id": 1}\n')
    assert "line 1: not a GoldenPair" in refused(steps.evaluate, "--data", str(tmp_path))
    write_jsonl(tmp_path / "golden.jsonl", [])
    assert "has no pairs of the split dev" in refused(steps.evaluate, "--data", str(tmp_path))
    assert "alpha is 2.0" in refused(steps.promote, "--version", "2", "--alpha", "2")
    evaluated = get_run(registry.get_version(2).tags["pipesql.evaluate_run"])
    shutil.rmtree(evaluated.artifact("verdicts"))
    assert f"run {evaluated.run_id} (evaluate) has no artifact" in refused(steps.promote, "--version", "2")


def test_the_environment_is_left_alone(place) -> None:
    assert "MLFLOW_RUN_ID" not in os.environ
