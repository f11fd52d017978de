"""GRPO for real on the tiny model: what it is asked and how its answers are read, the reference, what comes out."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from transformers import AutoModelForCausalLM, AutoTokenizer

from pipesql.chat.template import END, TEMPLATE, markers, prompt_ids
from pipesql.errors import BadInput, TrainingDiverged
from pipesql.finetune.data.tokenise import tokenise
from pipesql.finetune.grpo.rewards import REWARDS
from pipesql.finetune.grpo.train import train_by_rewards
from pipesql.finetune.recipe.files import recipe_for
from pipesql.finetune.sft.train import train
from pipesql.merge.logit_check import largest_difference, logits
from pipesql.merge.merge import merge
from pipesql.models import resolve_model
from pipesql.models.load import load_tokenizer
from pipesql.records import Sample
from pipesql.storage import read_jsonl
from tests.support.music import QUERIES, RECIPE, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def adapter(data, tmp_path_factory) -> Path:
    """The tiny model after little fine-tuning: it half knows the four queries, so that its answers differ."""
    recipe = recipe_for("tiny", "tiny", {"max_steps": "6", "eval_steps": "6"})
    return train(data, resolve_model("tiny"), recipe, tmp_path_factory.mktemp("sft")).adapter


@pytest.fixture(scope="module")
def trained(data, adapter, tmp_path_factory):
    logged: list[tuple[int, dict[str, float]]] = []
    output = tmp_path_factory.mktemp("grpo")
    result = train_by_rewards(data, adapter, RECIPE, output, on_metrics=lambda v, step: logged.append((step, v)))
    return result, logged


def test_every_reward_is_measured_at_every_step(trained) -> None:
    result, logged = trained
    steps = [values for _, values in logged[:-1]]
    assert [step for step, _ in logged] == [1, 2, 3, 3]
    assert result.steps == 3
    for values in steps:
        parts = [values[f"grpo/reward_{name}"] for name in REWARDS]
        assert values["grpo/reward"] == pytest.approx(sum(w * v for w, v in zip(RECIPE.weights, parts, strict=True)))
        assert all(0 <= value <= 1 for value in parts)
        assert values.keys() >= {"grpo/kl", "grpo/loss", "grpo/completion_length", "grpo/unfinished", "grpo/tokens"}
    assert max(values["grpo/reward"] for values in steps) > 0.1
    assert set(logged[-1][1]) >= {"grpo/reward_first", "grpo/reward_last", "grpo/reward_execution_last", "grpo/seconds"}


def test_the_reference_is_the_fine_tuned_model_and_not_its_base(trained) -> None:
    _, logged = trained
    assert abs(logged[0][1]["grpo/kl"]) < 1e-6, "nothing is learnt yet, so nothing has diverged"
    assert logged[2][1]["grpo/kl"] > 1e-5


def test_the_outcome_is_a_full_model_that_names_its_base(trained, adapter) -> None:
    result, _ = trained
    record, before = (json.loads((f / "base.json").read_text()) for f in (result.model, adapter))
    assert record["method"] == "full"
    assert all(record[key] == before[key] for key in ("model", "digest", "layout"))
    assert record["recipe"] == "tiny+grpo-tiny"
    assert record["settings"]["beta"] == 0.04
    assert {oct(file.stat().st_mode)[-3:] for file in result.model.iterdir()} == {"644"}

    tokenizer = AutoTokenizer.from_pretrained(result.model)
    assert (tokenizer.chat_template, tokenizer.eos_token) == (TEMPLATE, END)
    model = AutoModelForCausalLM.from_pretrained(result.model, dtype=torch.float32).eval()
    assert model.generation_config.eos_token_id == markers(tokenizer).end
    prompts = [prompt_ids(tokenizer, [{"role": "user", "content": question}]) for question, _ in QUERIES]
    assert largest_difference(logits(model, prompts), logits(merge(adapter).model, prompts)) > 1e-3


def test_the_answers_are_written_down(trained, tmp_path) -> None:
    result, _ = trained
    assert [path.name for path in result.write(RECIPE, tmp_path)] == ["recipe.yaml", "answers.jsonl"]
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert len(rows) == 3 * RECIPE.num_generations
    for step in (1, 2, 3):
        assert len({row["id"] for row in rows if row["step"] == step}) == 1, "a group answers one question"
    assert {row["stop"] for row in rows} <= {"done", "length", "invalid"}
    assert "reward_result_f1" in result.text()


def test_the_prompt_is_that_of_fine_tuning_and_only_the_end_marker_ends_an_answer(data, adapter, monkeypatch) -> None:
    from trl import GRPOTrainer

    seen: list[tuple[list[int], list[int]]] = []
    generate = GRPOTrainer._generate

    def watched(trainer, prompts):
        made = generate(trainer, prompts)
        seen.extend(zip(made[0], made[1], strict=True))
        return made

    monkeypatch.setattr(GRPOTrainer, "_generate", watched)
    train_by_rewards(data, adapter, replace(RECIPE, max_steps=1), Path(data, "watched"), seed=1)
    tokenizer = load_tokenizer(resolve_model("tiny"))
    mark = markers(tokenizer)
    known = [prompt_ids(tokenizer, sample.prompt) for sample in read_jsonl(data / "samples.train.jsonl", Sample)]
    assert len(seen) == RECIPE.num_generations
    for prompt, answer in seen:
        assert prompt in known
        assert mark.end not in answer[:-1]
        assert answer[-1] == mark.end or len(answer) == RECIPE.max_completion_length
    assert any(mark.step in answer for _, answer in seen), "answers go on behind the step marker"


def test_the_same_seed_gives_the_same_model(data, adapter, trained, tmp_path) -> None:
    result, logged = trained
    again: list[tuple[int, dict[str, float]]] = []
    train_by_rewards(data, adapter, RECIPE, tmp_path, on_metrics=lambda values, step: again.append((step, values)))
    assert [values["grpo/reward"] for _, values in again[:3]] == [values["grpo/reward"] for _, values in logged[:3]]
    assert result.steps == 3


def likelihood(model, tokenizer, sample: Sample) -> float:
    """Log-probability of the sample's answer, its markers included."""
    (row,), _ = tokenise([sample], tokenizer, 512)
    (scores,) = logits(model, [row.input_ids])
    said = torch.tensor(row.input_ids[row.prompt_length :])
    return float(scores[row.prompt_length - 1 : -1].log_softmax(-1).gather(1, said[:, None]).sum())


def test_what_is_worth_more_becomes_likelier(data, adapter, tmp_path) -> None:
    recipe = replace(RECIPE, max_steps=10, num_generations=8, per_device_train_batch_size=8, learning_rate=2e-3)
    result = train_by_rewards(data, adapter, recipe, tmp_path, limit=1)
    asked = {answer.id for answer in result.answers}
    (sample,) = (s for s in read_jsonl(data / "samples.train.jsonl", Sample) if s.id in asked)
    before = merge(adapter)
    after = AutoModelForCausalLM.from_pretrained(result.model, dtype=torch.float32).eval()
    gain = likelihood(after, before.tokenizer, sample) - likelihood(before.model, before.tokenizer, sample)
    assert gain > 0.1


def test_numbers_that_are_not_finite_end_the_run_and_leave_nothing(data, adapter, tmp_path) -> None:
    with pytest.raises(TrainingDiverged, match="try a learning_rate below 1e\\+12"):
        train_by_rewards(data, adapter, replace(RECIPE, learning_rate=1e12, beta=1.0, max_steps=6), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_answers_one_operator_at_a_time_is_refused(data, adapter, tmp_path) -> None:
    import shutil

    stepwise = Path(shutil.copytree(adapter, tmp_path / "adapter"))
    record = json.loads((stepwise / "base.json").read_text())
    (stepwise / "base.json").write_text(json.dumps(record | {"layout": "steps"}))
    with pytest.raises(BadInput, match="trained in layout steps"):
        train_by_rewards(data, stepwise, RECIPE, tmp_path / "out")


def test_the_step_goes_on_from_a_train_run_and_leaves_what_merge_takes(data, adapter, tmp_path, monkeypatch) -> None:
    import steps.grpo
    from pipesql.errors import NoSuchRun
    from pipesql.tracking import lookup, store
    from pipesql.tracking.runs import latest_run, step_run

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    for name in [name for name in os.environ if name.startswith("MLFLOW_") and name != "MLFLOW_TRACKING_URI"]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(store, "project_root", lambda: tmp_path)
    runner = CliRunner()
    lost = runner.invoke(steps.grpo.main, ["--data", str(data)])
    assert (lost.exit_code, "there is no finished train run" in lost.stderr) == (1, True)
    with step_run("train", tags={"pipesql.model": "tiny", "pipesql.benchmark": "demo"}) as sft:
        sft.artifact(adapter, "adapter")
    done = runner.invoke(
        steps.grpo.main, ["--model", "tiny", "--data", str(data), "--beta", "0.05"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    run = latest_run("grpo")
    assert run is not None
    assert run.tags["pipesql.train_run"] == sft.run_id
    assert (run.tags["pipesql.model"], run.tags["pipesql.recipe"]) == ("tiny", "tiny")
    assert (run.params["grpo.num_generations"], run.params["grpo.beta"]) == ("4", "0.05")
    assert set(run.metrics) >= {"grpo/reward", "grpo/reward_result_f1", "grpo/kl"}
    assert [step for step, _ in run.history("grpo/reward")] == [1, 2]
    assert (run.artifact("adapter") / "model.safetensors").is_file()
    assert run.artifact("answers.jsonl").is_file()
    assert lookup.finished_run("train", run.run_id).run_id == run.run_id, "by its id it serves as a train run"
    assert lookup.finished_run("train").run_id == sft.run_id, "the newest train run is one that trained on samples"
    with pytest.raises(NoSuchRun, match="finished grpo run"):
        lookup.finished_run("grpo", sft.run_id)

    import pipesql.workflows.merge
    import steps.merge
    from pipesql.tracking.registry import get_version

    monkeypatch.setattr(pipesql.workflows.merge, "project_root", lambda: tmp_path)
    merged = runner.invoke(steps.merge.main, ["--run_id", run.run_id, "--gguf", "q8_0"], catch_exceptions=False)
    assert merged.exit_code == 0, merged.output
    version, by = get_version(), latest_run("merge")
    assert by is not None
    assert (version.tags["pipesql.train_run"], version.tags["pipesql.model"]) == (run.run_id, "tiny")
    assert by.artifact(f"gguf/{by.tags['pipesql.gguf']}").stat().st_size > 1e6
    wrong = runner.invoke(steps.merge.main, ["--run_id", run.run_id, "--gguf", "q2"])
    assert (wrong.exit_code, "must be one of f32, f16, bf16, q8_0" in wrong.stderr) == (2, True)
