"""A killed training goes on as if nothing had been: same data, same random numbers, same weights to the bit."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pipesql.errors import BadInput
from pipesql.finetune.sft.checkpoints import Checkpoints, step_of
from pipesql.finetune.sft.train import train
from pipesql.models import resolve_model
from tests.support.tiny_training import RECIPE, write_samples

STEPS = 40
CHILD = """
import dataclasses, sys
from pathlib import Path
from tests.support.tiny_training import RECIPE
from pipesql.finetune.sft.train import train
from pipesql.models import resolve_model
recipe = dataclasses.replace(RECIPE, max_steps={steps}, save_steps=3.0, lora_dropout=0.1, max_grad_norm=1.0)
train(Path(sys.argv[1]), resolve_model("tiny"), recipe, Path(sys.argv[2]), seed=7, resume=True,
      on_metrics=lambda values, step: print(step, flush=True))
"""


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    return folder


def start(samples: Path, output: Path) -> subprocess.Popen[str]:
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD.format(steps=STEPS), str(samples), str(output)],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def weights(output: Path) -> dict[str, torch.Tensor]:
    return load_file(output / "checkpoints" / f"checkpoint-{STEPS}" / "adapter_model.safetensors")


def kill_at(process: subprocess.Popen[str], step: int) -> None:
    """SIGKILL once that step was reported, whatever is being done just then."""
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= step:
            break
    time.sleep(random.Random(step).random() * 0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.long)])
def test_kills_change_nothing(kills, samples, tmp_path) -> None:
    """Dropout is on, so the random numbers matter; steps are drawn anew in every run of this test."""
    assert start(samples, tmp_path / "whole").wait() == 0
    draw = random.SystemRandom()
    at = sorted(draw.randrange(2, STEPS - 2) for _ in range(kills))
    for step in at:
        kill_at(start(samples, tmp_path / "killed"), step)
    assert start(samples, tmp_path / "killed").wait() == 0
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one), f"killed after the steps {at}"
    adapters = [load_file(tmp_path / run / "adapter" / "adapter_model.safetensors") for run in ("whole", "killed")]
    assert all(torch.equal(adapters[0][name], adapters[1][name]) for name in adapters[0])
    progress = [
        json.loads((tmp_path / run / "checkpoints" / f"checkpoint-{STEPS}" / "progress.json").read_text())
        for run in ("whole", "killed")
    ]
    assert progress[0]["tokens"] == progress[1]["tokens"]
    assert progress[0]["guard"] == progress[1]["guard"]
    assert [step for step, _ in progress[0]["metrics"]["history"]] == [
        step for step, _ in progress[1]["metrics"]["history"]
    ]


def test_the_newest_three_and_the_best_are_kept_and_nothing_unfinished(samples, tmp_path) -> None:
    recipe = dataclasses.replace(RECIPE, max_steps=12, save_steps=2.0, eval_steps=4.0)
    result = train(samples, resolve_model("tiny"), recipe, tmp_path)
    kept = [step_of(path) for path in Checkpoints(tmp_path).all()]
    best = json.loads((result.adapter / "base.json").read_text())["step"]
    assert kept == sorted({8, 10, 12, best})
    for path in Checkpoints(tmp_path).all():
        names = {file.name for file in path.iterdir()}
        assert {"adapter_model.safetensors", "optimizer.pt", "rng_state.pth", "base.json", "progress.json"} <= names
        assert "training_args.bin" not in names
    assert not list(Checkpoints(tmp_path).unfinished.iterdir())


def test_without_resume_an_earlier_run_in_the_folder_is_forgotten(samples, tmp_path) -> None:
    recipe = dataclasses.replace(RECIPE, max_steps=4, save_steps=2.0, eval_steps=4.0)
    train(samples, resolve_model("tiny"), recipe, tmp_path)
    result = train(samples, resolve_model("tiny"), dataclasses.replace(recipe, max_steps=2), tmp_path)
    assert result.steps == 2
    assert [step_of(path) for path in Checkpoints(tmp_path).all()] == [0, 2]


def test_a_damaged_checkpoint_is_one_sentence(samples, tmp_path) -> None:
    recipe = dataclasses.replace(RECIPE, max_steps=2, save_steps=2.0, eval_steps=2.0)
    train(samples, resolve_model("tiny"), recipe, tmp_path)
    (tmp_path / "checkpoints" / "checkpoint-2" / "progress.json").write_text("{")
    with pytest.raises(BadInput, match=r"checkpoint-2 is incomplete .*remove it to resume from another"):
        train(samples, resolve_model("tiny"), recipe, tmp_path, resume=True)


def test_a_checkpoint_of_version_0_1_is_resumed(samples, tmp_path) -> None:
    """Its state calls the best checkpoint `selection`."""
    recipe = dataclasses.replace(RECIPE, max_steps=4, save_steps=2.0, eval_steps=2.0)
    whole = train(samples, resolve_model("tiny"), recipe, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    shutil.rmtree(tmp_path / "resumed" / "checkpoints" / "checkpoint-4")
    path = tmp_path / "resumed" / "checkpoints" / "checkpoint-2" / "progress.json"
    state = json.loads(path.read_text())
    state["selection"] = state.pop("best")
    path.write_text(json.dumps(state))
    resumed = train(samples, resolve_model("tiny"), recipe, tmp_path / "resumed", resume=True)
    assert resumed.summary["eval/loss_best"] == whole.summary["eval/loss_best"]
    bases = [json.loads((result.adapter / "base.json").read_text()) for result in (resumed, whole)]
    assert bases[0]["step"] == bases[1]["step"]


def test_early_stopping_ends_a_run_that_no_longer_gets_better(samples, tmp_path) -> None:
    recipe = dataclasses.replace(RECIPE, learning_rate=1e-9, max_steps=40, eval_steps=2.0, early_stopping_patience=3)
    accuracy = iter([0.5, 0.6, 0.4, 0.6, 0.1, 0.9])
    by_ex = dataclasses.replace(recipe, select="ex")
    result = train(samples, resolve_model("tiny"), by_ex, tmp_path, measure_ex=lambda *asked: next(accuracy))
    assert result.steps == 10
    assert result.summary["eval/ex_best"] == 0.6
    assert json.loads((result.adapter / "base.json").read_text())["step"] == 4
