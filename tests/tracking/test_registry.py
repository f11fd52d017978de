"""The registry on a real store: register, find, tag, promote, and load what was stored in a new process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
mlflow = pytest.importorskip("mlflow")

from pipesql.chat.template import markers, operator_ids, prompt_ids  # noqa: E402
from pipesql.errors import BadInput, NoSuchRun  # noqa: E402
from pipesql.merge.logit_check import example_messages  # noqa: E402
from pipesql.merge.merge import MAX_NEW_TOKENS, prepare_for_use  # noqa: E402
from pipesql.models import resolve_model  # noqa: E402
from pipesql.models.load import load_model, load_tokenizer  # noqa: E402
from pipesql.tracking import continued, registry  # noqa: E402
from pipesql.tracking.runs import step_run  # noqa: E402

ANSWER = ("FROM singer", "|> WHERE age > 40", "|> SELECT name")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.delenv("MLFLOW_RUN_ID", raising=False)
        patch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)
        yield os.environ["MLFLOW_TRACKING_URI"]


@pytest.fixture(scope="module")
def parrot():
    """The tiny model taught to say ANSWER to the example prompt, markers and all: a few steps of full training."""
    source = resolve_model("tiny")
    torch.manual_seed(0)
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    marks = markers(tokenizer)
    prompt = prompt_ids(tokenizer, example_messages())
    target = [t for i, text in enumerate(ANSWER) for t in (*operator_ids(tokenizer, text, first=i == 0), marks.step)]
    target[-1] = marks.end
    ids = torch.tensor([prompt + target])
    labels = torch.tensor([[-100] * len(prompt) + target])
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    model.train()
    for _ in range(60):
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss < 0.01:
            break
    model.eval()
    prepare_for_use(model, tokenizer)
    return model, tokenizer


@pytest.fixture(scope="module")
def registered(store, parrot) -> list[registry.Version]:
    """Two versions, each registered by its own run, in the order of registration."""
    made = []
    for number in (1, 2):
        with step_run("merge") as run:
            made.append(
                registry.register(
                    *parrot,
                    messages=example_messages(),
                    max_new_tokens=MAX_NEW_TOKENS,
                    tags={"pipesql.train_run": f"train-{number}", "pipesql.model": "tiny", "pipesql.recipe": "tiny"},
                )
            )
            assert made[-1].run_id == run.run_id
    return made


def test_nothing_registered_says_what_to_do(store, parrot) -> None:
    if not registry.versions():
        with pytest.raises(NoSuchRun, match="run the merge step first"):
            registry.get_version()
    assert registry.champion() is None


def test_a_version_is_the_challenger_in_staging_with_its_origin(registered) -> None:
    first, second = registered
    assert (first.number, first.stage, first.aliases) == (1, "Staging", ("challenger",))
    assert (second.number, second.aliases) == (2, ("challenger",)), "the alias moves to the newest"
    assert second.tags == {"pipesql.train_run": "train-2", "pipesql.model": "tiny", "pipesql.recipe": "tiny"}
    assert registry.get_version(1).aliases == ()


def test_versions_are_found_by_number_alias_and_age(registered) -> None:
    assert registry.get_version().number == registry.get_version("challenger").number == 2
    assert [v.number for v in registry.versions()] == [2, 1]
    with pytest.raises(NoSuchRun, match=r"no version or alias '7'; there are 2 \(challenger\), 1"):
        registry.get_version("7")


def test_the_model_is_written_once_with_pinned_requirements(registered) -> None:
    folder = Path(mlflow.artifacts.download_artifacts(registered[1].uri))
    assert len(list(folder.rglob("*.safetensors"))) == 1
    needs = (folder / "requirements.txt").read_text().split()
    assert [n.partition("==")[0] for n in needs] == ["mlflow", "torch", "transformers", "accelerate"]
    assert not any("+" in n for n in needs)
    described = mlflow.models.get_model_info(registered[1].uri)
    assert described.signature.inputs.has_input_names() and "messages" in described.signature.inputs.input_names()
    assert json.loads((folder / "input_example.json").read_text())["messages"] == example_messages()
    assert described.flavors["python_function"]["config"] == {"max_new_tokens": MAX_NEW_TOKENS, "do_sample": False}
    assert "The licence of tiny holds" in (folder / "LICENSE.txt").read_text()


def test_the_run_shows_the_model_as_its_output(registered) -> None:
    outputs = mlflow.get_run(registered[1].run_id).outputs.model_outputs
    assert len(outputs) == 1
    assert mlflow.get_logged_model(outputs[0].model_id).status == "READY"


def test_a_new_process_answers_with_pipe_sql(registered, store) -> None:
    """What a user does: no code of pipesql, the plain pipeline and the served form."""
    program = f"""
import json, mlflow
mlflow.set_tracking_uri({store!r})
messages = json.loads({json.dumps(json.dumps(example_messages()))})
pipeline = mlflow.transformers.load_model("models:/pipesql@challenger")
print(json.dumps(pipeline(messages)[0]["generated_text"][-1]["content"]))
served = mlflow.pyfunc.load_model("models:/pipesql@challenger")
print(json.dumps(served.predict({{"messages": messages}})[0]["choices"][0]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answer, served = map(json.loads, done.stdout.strip().splitlines()[-2:])
    assert answer == "\n".join(ANSWER)
    assert served["message"]["content"] == "\n".join(ANSWER)
    assert served["finish_reason"] == "stop"


def test_components_load_as_they_were_stored(registered, parrot) -> None:
    model, tokenizer = registry.load_components(registered[1])
    assert tokenizer.chat_template == parrot[1].chat_template
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), parrot[0].parameters(), strict=True))


def test_only_evaluated_versions_can_be_asked_for(registered) -> None:
    with pytest.raises(NoSuchRun, match=r"no version of pipesql has been evaluated: run the evaluate step first"):
        registry.get_version(evaluated=True)
    registry.set_tags(registered[0], {"pipesql.evaluate_run": "run-9", "pipesql.ex": 0.25})
    assert registry.get_version(evaluated=True).number == 1, "the newest evaluated one"
    assert registry.get_version(1).tags["pipesql.ex"] == "0.25"
    with pytest.raises(NoSuchRun, match="version 2 of pipesql has not been evaluated"):
        registry.get_version("2", evaluated=True)


def test_promotion_moves_alias_and_stage_and_archives_the_champion_before(registered) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        first = registry.promote(registry.get_version(1))
        assert (first.aliases, first.stage) == (("champion",), "Production")
        second = registry.promote(registry.get_version(2))
    assert (second.aliases, second.stage) == (("champion",), "Production")
    before = registry.get_version(1)
    assert (before.aliases, before.stage) == ((), "Archived")
    champion = registry.champion()
    assert champion is not None and champion.number == 2


def test_registering_needs_a_run(store, parrot) -> None:
    with pytest.raises(BadInput, match="open one with step_run first"):
        registry.register(*parrot, messages=example_messages(), max_new_tokens=9, tags={})


def test_a_version_is_a_model_to_train_further(registered, parrot, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(continued, "project_root", lambda: tmp_path)
    folder = continued.registered_as_folder("models:/pipesql/1")
    assert Path(folder).parent == tmp_path / "output" / "models"
    source = resolve_model(folder)
    weights = load_model(source, device="cpu").state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in parrot[0].state_dict().items())
    assert load_tokenizer(source).chat_template == parrot[1].chat_template
    assert continued.registered_as_folder("models:/pipesql/1") == folder
    assert [model.digest for model in continued.models_named(f" models:/pipesql/1,{folder}, ")] == 2 * [source.digest]
    assert continued.models_named("") == []
    newest = registry.get_version()
    assert newest.aliases
    by_alias = continued.registered_as_folder(f"models:/pipesql@{newest.aliases[0]}")
    assert Path(by_alias).name.startswith(f"pipesql-{newest.number}-")
    assert sorted(path.name for path in Path(folder).parent.iterdir()) == sorted(
        {Path(folder).name, Path(by_alias).name}
    )


def test_what_is_no_version_is_one_sentence(registered) -> None:
    assert continued.registered_as_folder("smol") == "smol"
    with pytest.raises(NoSuchRun, match="no version or alias '99'"):
        continued.registered_as_folder("models:/pipesql/99")
    for spec in ("models:/other/1", "models:/pipesql", "models:/pipesql/1/"):
        with pytest.raises(BadInput, match="is not a version: give models:/pipesql/NUMBER"):
            continued.registered_as_folder(spec)
