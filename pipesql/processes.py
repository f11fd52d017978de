"""Worker processes, which do not outlive this one, and the memory of this process."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from pipesql.errors import PipesqlError

Task = TypeVar("Task")
Done = TypeVar("Done")


def results(work: Callable[[Task], Done], tasks: Sequence[Task], workers: int) -> Iterator[Done]:
    """Yield `work` of each task as it is finished, by up to `workers` processes; by this process if that is one.

    `work`, tasks and results must pickle. Raises what `work` raises, and PipesqlError if a worker is killed.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from map(work, tasks)
        return
    pool = spawned(workers)
    try:
        for future in as_completed([pool.submit(work, task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool as error:
        raise PipesqlError(
            "a worker process was killed, perhaps because memory ran out; try again with fewer workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def spawned(workers: int) -> ProcessPoolExecutor:
    """A pool of processes, spawned and not forked, because the caller may hold threads (MLflow, torch)."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this worker when its parent is killed; otherwise it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="end with parent").start()


def peak_resident() -> int:
    """Peak of the memory of this process so far, in bytes."""
    import resource  # not on Windows

    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return resident if sys.platform == "darwin" else resident * 1024
