"""The guard's decisions on series of numbers, the collapse that it was made for, and real faults in a real trainer."""

from __future__ import annotations

import dataclasses
import json
import math
import random

import pytest
import torch
from safetensors.torch import load_file

from experiments.faults import USABLE
from pipesql.errors import TrainingDiverged
from pipesql.finetune.guard import Guard, Recovery, Rewind, read_recovery
from pipesql.finetune.sft.train import train
from pipesql.models import resolve_model
from tests.support.planted_faults import KINDS, Fault, plant
from tests.support.tiny_training import RECIPE, run, write_samples

COLLAPSE = [
    (610, 0.25, 0.24), (620, 0.87, 0.92), (630, 2.15, 2.47), (640, 2.77, 1.66), (650, 3.52, 1.66), (660, 3.70, 1.84),
    (670, 3.95, 0.86), (680, 7.05, math.nan),
]  # fmt: skip
"""Step, loss and gradient norm of a published 7B run that died and was trained on for 600 steps."""


def healthy(count: int, spread: float = 0.2, seed: int = 0) -> list[tuple[float, float]]:
    """Steps as that run had them before: at step 500 it logged a loss of 0.253 and a norm of 0.031."""
    draw = random.Random(seed)
    return [(0.253 * draw.lognormvariate(0, spread), 0.031 * draw.lognormvariate(0, 2 * spread)) for _ in range(count)]


@pytest.mark.parametrize("spread", [0.02, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_the_published_collapse_is_seen_by_step_620(spread, seed) -> None:
    guard = Guard()
    for loss, norm in healthy(60, spread, seed):
        guard.decide(loss, norm)
    fired = next(step for step, loss, norm in COLLAPSE if guard.decide(loss, norm).kind != "accept")
    assert fired <= 620


def test_a_collapse_that_lasts_goes_back() -> None:
    guard = Guard()
    for loss, norm in healthy(60):
        guard.decide(loss, norm)
    kinds = [guard.decide(loss, norm).kind for _, loss, norm in COLLAPSE]
    assert kinds.index("rewind") <= 4


def test_a_healthy_run_is_left_alone() -> None:
    """A loss that falls and then wavers as packs differ: of ten thousand steps a handful is taken away, none undone."""
    kinds: list[str] = []
    for seed in range(10):
        draw, guard = random.Random(seed), Guard()
        for step in range(1000):
            level = 0.3 + 3 * math.exp(-step / 40)
            kinds.append(guard.decide(level * draw.lognormvariate(0, 0.15), draw.lognormvariate(0, 0.3)).kind)
    assert kinds.count("skip") <= 5
    assert "rewind" not in kinds


def test_numbers_that_are_none_are_skipped_from_the_first_step_on() -> None:
    guard = Guard(patience=3)
    decisions = [
        guard.decide(loss, norm) for loss, norm in [(math.nan, 1.0), (2.0, math.inf), (2.0, 1.0), (math.inf, 1.0)]
    ]
    assert [d.kind for d in decisions] == ["skip", "skip", "accept", "skip"]
    assert decisions[1].reason == "the gradient norm is inf"
    assert (guard.skipped, guard.streak) == (3, 1)


def test_an_outlier_does_not_widen_what_counts_as_one() -> None:
    guard = Guard(patience=0)
    for loss, norm in healthy(60):
        guard.decide(loss, norm)
    assert [guard.decide(5.0, 0.03).kind for _ in range(20)] == ["skip"] * 20


def test_without_sigma_only_what_is_not_finite_is_skipped() -> None:
    guard = Guard(sigma=0)
    for loss, norm in healthy(60):
        guard.decide(loss, norm)
    assert guard.decide(1e6, 1e6).kind == "accept"
    assert guard.decide(math.nan, 1.0).kind == "skip"


def test_a_guard_goes_on_from_its_state() -> None:
    one, other = Guard(), Guard()
    for loss, norm in healthy(200):
        one.decide(loss, norm)
    one.decide(math.nan, 0.0)
    other.restore(json.loads(json.dumps(one.state())))
    assert other.state() == one.state()
    assert one.decide(9.0, 0.1) == other.decide(9.0, 0.1)


def test_returns_without_progress_go_back_further(tmp_path) -> None:
    steps = [50, 48, 50, 90, 70]
    record = Recovery(tuple(Rewind(step, 40, "the loss is nan", (step,)) for step in steps))
    assert [Recovery(record.rewinds[:n]).fruitless() for n in range(1, 6)] == [0, 1, 0, 0, 1]
    assert record.left_out == {50, 48, 90, 70}
    assert record.rate(0.5) == 1 / 32
    record.write(tmp_path)
    assert read_recovery(tmp_path) == record


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    return folder


@pytest.fixture(scope="module")
def clean(samples):
    return run(samples)


@pytest.mark.parametrize("kind", [KINDS[0], *(pytest.param(kind, marks=pytest.mark.long) for kind in KINDS[1:])])
def test_a_run_outlives_a_fault(kind, samples, clean) -> None:
    """One of each kind; `python -m experiments.faults` plants twenty, and shows what they do to a run without guard."""
    outcome = run(samples, Fault(kind, 33))
    assert outcome.skipped >= 1
    assert outcome.rewinds == (kind in ("poisoned batch", "nan in the optimizer"))
    assert outcome.left <= USABLE * clean.left


def test_without_the_guard_the_same_fault_is_the_end(samples) -> None:
    short = dataclasses.replace(RECIPE, max_steps=30, eval_steps=10.0)
    assert math.isnan(run(samples, Fault("nan loss", 20), guarded=False, recipe=short).last)


def test_a_skipped_step_leaves_weights_and_optimizer_as_they_were(samples, tmp_path, monkeypatch) -> None:
    """The checkpoints before and after a step whose gradient was taken away hold the same weights."""
    plant(Fault("inf gradient", 4), monkeypatch.setattr)
    recipe = dataclasses.replace(RECIPE, max_steps=6, save_steps=1.0, eval_steps=6.0)
    train(samples, resolve_model("tiny"), recipe, tmp_path)
    at = {n: load_file(tmp_path / f"checkpoints/checkpoint-{n}/adapter_model.safetensors") for n in (4, 5, 6)}
    states = {
        n: torch.load(tmp_path / f"checkpoints/checkpoint-{n}/optimizer.pt", weights_only=True)["state"] for n in (4, 5)
    }
    assert all(torch.equal(at[4][name], at[5][name]) for name in at[4])
    assert any(not torch.equal(at[5][name], at[6][name]) for name in at[5])
    assert all(torch.equal(states[4][p]["exp_avg"], states[5][p]["exp_avg"]) for p in states[4])


def test_giving_up_keeps_the_best_checkpoint_and_says_why(samples, tmp_path, monkeypatch) -> None:
    """Weights that turn to nothing again and again, from step 15 on."""
    from pipesql.finetune.sft.trainer import TargetTrainer

    loss_of = TargetTrainer.compute_loss
    monkeypatch.setattr(
        TargetTrainer,
        "compute_loss",
        lambda self, *args, **kwargs: (
            loss_of(self, *args, **kwargs) * (math.nan if self.state.global_step >= 15 and self.model.training else 1)
        ),
    )
    recipe = dataclasses.replace(RECIPE, max_steps=30, eval_steps=5.0, guard_rewinds=2)
    events: list[str] = []
    with pytest.raises(TrainingDiverged, match=r"after 2 rewinds: the loss is nan.*of step 15, was kept") as raised:
        train(samples, resolve_model("tiny"), recipe, tmp_path, on_event=events.append)
    assert len(events) == 2
    assert events[0].startswith("guard: back from step 18 to the checkpoint of step 15: the loss is nan")
    assert "learning rate is now 0.0025" in events[0]
    assert "try a learning_rate below 0.005" in str(raised.value)
    weights = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert all(torch.isfinite(w).all() for w in weights.values())


def test_a_skipped_step_has_no_loss_to_log(samples, tmp_path, monkeypatch) -> None:
    """What is logged is a mean over the steps that were taken; a run without any has learnt nothing, and says so."""
    plant(Fault("nan loss", 4), monkeypatch.setattr)
    recipe = dataclasses.replace(RECIPE, max_steps=6, eval_steps=6.0)
    logged: dict[int, dict[str, float]] = {}
    train(samples, resolve_model("tiny"), recipe, tmp_path, on_metrics=lambda v, n: logged.setdefault(n, {}).update(v))
    assert [step for step in range(1, 7) if "train/loss" in logged[step]] == [1, 2, 3, 4, 6]
    assert logged[5]["guard/skipped"] == 1
    assert min(logged[step]["train/loss"] for step in (1, 2, 3, 4, 6)) > 1


def test_a_run_whose_every_step_was_skipped_has_learnt_nothing(samples, tmp_path, monkeypatch) -> None:
    from pipesql.finetune.guard import Decision, Guard

    monkeypatch.setattr(Guard, "decide", lambda self, loss, norm: Decision("skip", "planted"))
    recipe = dataclasses.replace(RECIPE, max_steps=2, eval_steps=2.0)
    with pytest.raises(TrainingDiverged, match="skipped all 2 steps, so nothing was learnt"):
        train(samples, resolve_model("tiny"), recipe, tmp_path)
    assert not (tmp_path / "adapter").exists()
