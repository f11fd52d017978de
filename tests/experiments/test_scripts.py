"""The scripts of `experiments/` run, those for a GPU by their trial on a CPU: no machine of ours would notice else."""

from __future__ import annotations

import json
import sys
from importlib import import_module

import pytest

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[str, str]:
    """The demo's databases in a folder of their own."""
    return "--benchmark_dir", str(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a script's `main`; gives back what it wrote by `--out`."""

    def _run(name: str, *arguments: str) -> dict:
        out = tmp_path / "out.json"
        monkeypatch.setattr(sys, "argv", [name, *arguments, "--out", str(out)])
        import_module(f"experiments.{name}").main()
        return json.loads(out.read_text())

    return _run


def test_layouts(run, demo, capsys) -> None:
    found = run("layouts", *demo, "--model", "tiny", "--queries", "16", "--share", "0.5", "--pack", "1024")
    steps, folded, tree = found["layouts"]
    assert found["queries"] == 16
    assert steps["tokens"] > 3 * folded["tokens"] > 4 * tree["tokens"]
    assert folded["targets"] == tree["targets"]
    assert "measured on a drawn 50% of the batches" in capsys.readouterr().out


def test_quantised(run, demo) -> None:
    found = run("quantised", *demo, "--model", "tiny", "--queries", "16", "--steps", "6", "--learning_rate", "1e-2")
    assert found["loss_last"] < found["loss_first"]
    assert found["merged_against_whole_base"] < 2e-3 < found["merged_against_4_bit_base"]


@pytest.mark.parametrize("shape", ["1.5b", "7b"])
def test_throughput(run, demo, shape) -> None:
    guide, *ours = run("gpu.throughput", *demo, "--tiny", "--shape", shape)["settings"]
    assert guide["label"] == "guide: steps, padded"
    assert len(ours) == 4
    assert all(not one["failed"] and one["supervised_per_second"] > 0 for one in (guide, *ours))


def test_attention(run, demo) -> None:
    found = run("gpu.attention", *demo, "--tiny")["figures"]
    assert {one["attention"] for one in found} == {"sdpa", "eager", "segments"}
    assert all(one["ms"] > 0 for one in found)


def test_full_smol_names_the_same_model_twice(run) -> None:
    first, again = (run("gpu.full_smol", "--tiny") for _ in range(2))
    losses = [epoch["eval_loss"] for epoch in first["epochs"]]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert again["sha256"] == first["sha256"]
