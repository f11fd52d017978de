"""Distributed training: processes started by torchrun, on one machine or several; only the first one reports."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn, TypeVar

Value = TypeVar("Value")


def rank() -> int:
    """The number of this process among those of the run, from 0."""
    return int(os.environ.get("RANK", "0"))


def started_together() -> bool:
    """Whether torchrun (or `accelerate launch`) started this process."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def relaunch(module: str, arguments: Sequence[str], count: int) -> NoReturn:
    """Replace this process by torchrun with `count` processes of `python -m module arguments` on this machine."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "1", "--nproc_per_node", str(count)]
    command += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0", "-m", module, *arguments]
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    os.execv(sys.executable, command)


def share(value: Value | None) -> Value:
    """Return the first process's value in every process. All must call it; the others pass None."""
    if not started_together():
        assert value is not None
        return value
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    PartialState(cpu=not torch.cuda.is_available())
    values: list[Value | None] = [value]
    broadcast_object_list(values, from_process=0)
    assert values[0] is not None
    return values[0]
