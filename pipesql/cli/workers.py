"""Apply a function to a stream of items in several processes: results in order, memory bounded."""

from __future__ import annotations

import itertools
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

_CHUNK = 100
_AHEAD = 4
"""Chunks per process that may wait for it, or for the results before theirs."""


class Workers(Generic[Item, Made]):
    """Processes that apply `work`, a picklable function or object, to items.

    If a process dies (killed for memory, for example), the items of its chunk are done again one at a time, each in a
    process of its own. `lost` makes the result of an item that kills that process, too.
    """

    def __init__(self, work: Callable[[Item], Made], lost: Callable[[Item], Made], jobs: int) -> None:
        self.work = work
        self.lost = lost
        self.jobs = jobs
        self.waiting: deque[tuple[list[Item], Future[list[Made]]]] = deque()

    def results(self, items: Iterable[Item]) -> Iterator[Made]:
        """The results in the order of the items. Items are taken as they are needed."""
        iterator = iter(items)
        self.pool = _pool(self.jobs)
        try:
            while True:
                while len(self.waiting) < self.jobs * _AHEAD and (chunk := list(itertools.islice(iterator, _CHUNK))):
                    self._submit(chunk)
                if not self.waiting:
                    return
                yield from self._first()
        finally:
            self.pool.shutdown(cancel_futures=True)

    def _submit(self, chunk: list[Item]) -> None:
        try:
            future = _submit(self.pool, self.work, chunk)
        except BrokenProcessPool as e:
            future = Future()
            future.set_exception(e)
        self.waiting.append((chunk, future))

    def _first(self) -> list[Made]:
        """The results of the first waiting chunk."""
        chunk, future = self.waiting.popleft()
        try:
            return future.result()
        except BrokenProcessPool:
            self.pool.shutdown(cancel_futures=True)
            self.pool = _pool(self.jobs)
            rest, self.waiting = self.waiting, deque()
            for other, _ in rest:
                self._submit(other)
            return [self._alone(item) for item in chunk]

    def _alone(self, item: Item) -> Made:
        with _pool(1) as pool:
            try:
                return _submit(pool, self.work, [item]).result()[0]
            except BrokenProcessPool:
                return self.lost(item)


def _pool(jobs: int) -> ProcessPoolExecutor:
    """Forked where the system can fork: a worker then starts with all modules loaded."""
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    return ProcessPoolExecutor(jobs, multiprocessing.get_context(method), initializer=_leave_interrupts)


def _submit(pool: ProcessPoolExecutor, work: Callable[[Item], Made], items: list[Item]) -> Future[list[Made]]:
    """Submit a chunk, which may start the pool's processes; Ctrl-C waits until they have started.

    An interrupt during a fork would be lost in this process (Python drops what its fork hooks raise), and would end a
    worker that does not ignore it yet.
    """
    with _interrupts_wait():
        return pool.submit(_apply, work, items)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_interrupts() -> None:
    """Ignore Ctrl-C, which reaches all processes: the first one handles it by ending the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _apply(work: Callable[[Item], Made], items: list[Item]) -> list[Made]:
    return [work(item) for item in items]
