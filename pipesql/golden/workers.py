"""Groups done one after another, or by processes on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed

from pipesql.golden.groups import Done, Group, round_trip_group
from pipesql.processes import spawned


def in_this_process(groups: Sequence[Group]) -> Iterator[Done]:
    """One group after another."""
    yield from map(round_trip_group, groups)


def in_processes(groups: Sequence[Group], workers: int) -> Iterator[Done]:
    """Groups as they get done, in any order."""
    pool = spawned(min(workers, len(groups)))
    try:
        for future in as_completed([pool.submit(round_trip_group, group) for group in groups]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)
