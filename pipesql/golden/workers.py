"""Groups done one after another, or by processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from pipesql.golden.groups import Done, Group, round_trip_group


def in_this_process(groups: Sequence[Group]) -> Iterator[Done]:
    """One group after another."""
    yield from map(round_trip_group, groups)


def in_processes(groups: Sequence[Group], workers: int) -> Iterator[Done]:
    """Groups as they get done, in any order."""
    # Spawned, not forked: the caller may hold threads (MLflow, torch) that do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(groups)), mp_context=context, initializer=_end_with_parent)
    try:
        for future in as_completed([pool.submit(round_trip_group, group) for group in groups]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """See to it that this worker does not outlive a parent that is killed: it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="end with parent").start()
