"""Databases put into train and dev by a seed, never the same one into both."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping

DEV_SHARE = 0.1


def split_databases(given: Mapping[str, str], databases: Iterable[str], seed: int) -> dict[str, str]:
    """Each database's split, `train` or `dev`; those `given` stay as they are.

    About `DEV_SHARE` of all databases are dev. Where there are two or more and not all are given, each split gets at
    least one. One alone is train.
    """
    names = sorted(set(databases))
    free = [name for name in names if name not in given]
    wanted = max(1, round(len(names) * DEV_SHARE)) if len(names) > 1 else 0
    wanted -= sum(split == "dev" for split in given.values())
    # one is left for train, unless train has one already
    most = len(free) - (0 if "train" in given.values() else 1)
    drawn = random.Random(f"{seed}/split").sample(free, max(0, min(wanted, most)))
    return {name: given.get(name, "dev" if name in drawn else "train") for name in names}
