"""Fused kernels are for CUDA and need a package that runs nowhere else: what is asked of it is what is tested here."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from pipesql.finetune.attention.choose import use_fused_kernels
from pipesql.models import resolve_model
from pipesql.models.load import load_model


@pytest.fixture(scope="module")
def model():
    return load_model(resolve_model("tiny"), "cpu")


@pytest.fixture
def calls(monkeypatch) -> list[tuple[str, dict]]:
    """A stand-in for liger-kernel that notes what it is asked for."""
    made: list[tuple[str, dict]] = []
    transformers = ModuleType("liger_kernel.transformers")
    for name in ("llama", "qwen2"):
        name = f"apply_liger_kernel_to_{name}"
        setattr(transformers, name, lambda _name=name, **options: made.append((_name, options)))
    monkeypatch.setitem(sys.modules, "liger_kernel", ModuleType("liger_kernel"))
    monkeypatch.setitem(sys.modules, "liger_kernel.transformers", transformers)
    monkeypatch.setattr("pipesql.finetune.attention.choose.importlib.util.find_spec", lambda name: object())
    return made


def test_nothing_is_done_on_a_cpu(model, calls) -> None:
    assert use_fused_kernels(model, "cpu") == ""
    assert calls == []


def test_without_the_package_it_says_how_to_get_it(model, monkeypatch) -> None:
    monkeypatch.setattr("pipesql.finetune.attention.choose.importlib.util.find_spec", lambda name: None)
    assert "pip install 'pipesql[cuda]'" in use_fused_kernels(model, "cuda:0")


def test_everything_but_the_loss_is_fused(model, calls) -> None:
    line = use_fused_kernels(model, "cuda:0")
    assert line == "kernels: liger-kernel for RMSNorm, rotary positions and SwiGLU"
    ((name, options),) = calls
    assert name == f"apply_liger_kernel_to_{model.config.model_type}"
    assert options.pop("model") is model
    assert {key for key, wanted in options.items() if wanted} == {"rope", "rms_norm", "swiglu"}


def test_an_architecture_without_a_patch_is_left_alone(model, calls, monkeypatch) -> None:
    monkeypatch.setattr(model.config, "model_type", "other", raising=False)
    assert "not used for models of type other" in use_fused_kernels(model, "cuda")
    assert calls == []
