"""A CPU that only emulates bfloat16 is never taken for one that computes in it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
import torch

from pipesql.models import precision
from pipesql.models.load import compute_dtype


@pytest.fixture(autouse=True)
def forget():
    precision.cpu_has_bf16.cache_clear()
    yield
    precision.cpu_has_bf16.cache_clear()


@pytest.mark.parametrize(
    ("says", "speedup", "has"), [(True, 2.2, True), (True, 0.02, False), (False, 2.2, False), (False, 0.02, False)]
)
def test_the_cpu_must_say_so_and_be_faster(monkeypatch, says, speedup, has) -> None:
    monkeypatch.setattr(precision, "says_bf16", lambda: says)
    monkeypatch.setattr(precision, "bf16_speedup", lambda: speedup)
    assert precision.cpu_has_bf16() is has


def test_what_the_cpu_says_is_read_from_torch(monkeypatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True, "amx_bf16": False})
    assert precision.says_bf16()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False, "avx2": True})
    assert not precision.says_bf16()


@pytest.mark.parametrize(
    ("asked", "dtype"), [("auto", torch.float32), ("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_a_cpu_computes_in_what_is_asked_for(asked, dtype) -> None:
    assert compute_dtype("cpu", asked) is dtype


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the instructions withheld are those of x86-64")
def test_emulation_is_measured_as_slow() -> None:
    """oneDNN told that it has nothing newer than AVX2, where products in bfloat16 are emulated."""
    code = "from pipesql.models.precision import bf16_speedup; print(bf16_speedup())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"ONEDNN_MAX_CPU_ISA": "AVX2"}, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 0.8
