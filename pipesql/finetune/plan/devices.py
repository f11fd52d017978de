"""What a training runs on: this machine as it is, or a card by name with the figures of its maker.

A forecast needs a `Device`. `machine` describes the machine of a run for its record: a figure without it cannot be
compared.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipesql import models as _environment  # noqa: F401  sets what torch reads when it is loaded
from pipesql.errors import InvalidOption
from pipesql.models.precision import cpu_has_bf16
from pipesql.storage import code_version

GPU_SHARE, CPU_SHARE = 0.25, 0.25
"""The share of a device's peak that training reaches. GPU: from the hours that the guide published for its RTX 4080, at
1.5B and at 7B. CPU: SmolLM2-135M with the recipe smol, against products of matrices (docs/guides/planning.md)."""
GPU_PASS = 1.5e-3
"""Seconds a block that a forward and backward pass takes on CUDA, however small it is: its kernels are launched one by
one. It gives SmolLM2-135M (30 blocks) 90,000 tokens/s on an H100, where 60,000 to 200,000 were measured."""
GPU_RESERVE = 0.8e9
"""Bytes that a CUDA context, its libraries and the allocator's rounding take before training."""
CPU_RESERVE = 1.1e9
"""Bytes of a process that has loaded torch, transformers, peft, trl and mlflow."""


@dataclass(frozen=True)
class Device:
    """`kind` is `cuda` or `cpu`; `memory` in bytes; `flops` the peak of bfloat16 products (float32 without it)."""

    name: str
    kind: str
    memory: float
    flops: float
    bf16: bool = True

    @property
    def reserve(self) -> float:
        """Bytes that are taken before training."""
        return GPU_RESERVE if self.kind == "cuda" else CPU_RESERVE

    @property
    def usable_flops(self) -> float:
        """Floating-point operations a second that training reaches."""
        return self.flops * (GPU_SHARE if self.kind == "cuda" else CPU_SHARE)


CARDS = {
    card.name: card
    for card in (
        Device("t4", "cuda", 16e9, 65e12, bf16=False),
        Device("l4", "cuda", 24e9, 121e12),
        Device("rtx3090", "cuda", 24e9, 71e12),
        Device("rtx4080", "cuda", 16e9, 97.5e12),
        Device("rtx4090", "cuda", 24e9, 165.2e12),
        Device("a100-40gb", "cuda", 40e9, 312e12),
        Device("a100", "cuda", 80e9, 312e12),
        Device("h100", "cuda", 80e9, 989e12),
        Device("h200", "cuda", 141e9, 989e12),
    )
}
"""Memory and dense bfloat16 (T4: float16) with sums in float32, from Nvidia's data sheets and architecture papers."""


def device_of(name: str, memory_gb: float = 0.0) -> Device:
    """The device `auto` (the GPU of this machine where it has one, else its CPU), `cpu`, `cuda`, or a card by name.

    `memory_gb` overrides its memory. Raises InvalidOption for an unknown name, and for `cuda` without a GPU.
    """
    device = _named(name)
    return replace(device, memory=memory_gb * 1e9) if memory_gb else device


def _named(name: str) -> Device:
    if name.lower() in CARDS:
        return CARDS[name.lower()]
    if name not in ("auto", "cpu", "cuda"):
        raise InvalidOption(f"there is no device {name!r}; use auto, cpu, cuda, or one of {', '.join(CARDS)}")
    import torch

    cuda = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not cuda:
        raise InvalidOption(f"this machine has no CUDA device; use auto, cpu, or one of {', '.join(CARDS)}")
    device = this_device("cuda" if cuda else "cpu")
    words = device.name.lower().replace(" ", "").replace("-", "")
    known = [card.flops for card in CARDS.values() if card.name.replace("-", "") in words]
    return replace(device, flops=known[0] if cuda and known else measured_flops(device.kind, device.bf16))


def this_device(kind: str) -> Device:
    """The GPU (`cuda`) or the CPU (`cpu`) of this machine; its speed is not measured."""
    import torch

    if kind == "cuda":
        found = torch.cuda.get_device_properties(0)
        return Device(found.name, kind, float(found.total_memory), 0.0, torch.cuda.is_bf16_supported())
    name = f"{processor()}, {torch.get_num_threads()} threads"
    return Device(name, kind, min(float(memory()), _group_limit()), 0.0, cpu_has_bf16())


def _group_limit() -> float:
    """Bytes that the control group of this process may use, as in a container."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        if Path(path).is_file() and (limit := Path(path).read_text().strip()).isdigit():
            return float(limit)
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def measured_flops(kind: str, bf16: bool) -> float:
    """Floating-point operations a second of a matrix product on this machine, the best of a few (under 1 s)."""
    import torch

    size = 4096 if kind == "cuda" else 1024
    matrix = torch.ones(size, size, dtype=torch.bfloat16 if bf16 else torch.float32, device=kind)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(6):
            start = time.perf_counter()
            matrix @ matrix
            if kind == "cuda":
                torch.cuda.synchronize()
            best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best


# ---- for the record of a run

LIBRARIES = (
    "torch", "transformers", "peft", "trl", "accelerate", "datasets", "bitsandbytes", "sqlglot", "mlflow",
    "liger-kernel", "flash-attn",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """Operating system, processor and its cores, memory in GB, GPUs, versions of Python, libraries and this code."""
    import torch

    return {
        "system": platform.platform(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(memory() / 1e9, 1),
        "gpus": [_gpu(number) for number in range(torch.cuda.device_count())],
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "python": sys.version.split()[0],
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "pipesql": code_version(),
    }


def processor() -> str:
    """The name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def memory() -> int:
    """Bytes of main memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _gpu(number: int) -> dict[str, Any]:
    import torch

    found = torch.cuda.get_device_properties(number)
    return {
        "name": found.name,
        "memory_gb": round(found.total_memory / 1e9, 1),
        "capability": f"{found.major}.{found.minor}",
    }


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
