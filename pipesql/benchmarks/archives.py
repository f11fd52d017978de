"""Where the public benchmarks are published, and what must be in them.

Neither publisher gives a checksum: the first download's is written down and every later one held against it
(`download`). Google Drive refuses files that are asked for often, so Spider has a list of places.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """One zip file: its places, the first that works is taken, and what unpacking must yield.

    `gigabytes` is the most that it may take unpacked, archives inside it included; `questions` are the least numbers
    of entries by questions file, `databases` the least number of SQLite databases.
    """

    name: str
    mirrors: tuple[str, ...]
    gigabytes: int
    databases: int
    questions: dict[str, int]


def _drive(identity: str) -> str:
    return f"https://drive.google.com/uc?id={identity}"


SPIDER = Archive(
    name="spider",
    # the current release on https://yale-lily.github.io/spider first, then the two before it
    mirrors=(
        _drive("1403EGqzIDoHMdQF4c9Bkyl7dZLZ5Wt6J"),
        _drive("1iRDVHLr4mX2wQKSgA9J8Pire73Jahh0m"),
        _drive("1TqleXec_OykOYFREKKtschzY29dUcVAQ"),
    ),
    gigabytes=8,
    databases=166,
    questions={"train_spider.json": 7000, "train_others.json": 1659, "dev.json": 1034},
)

# https://bird-bench.github.io; the training questions name 69 databases, the development questions 11
BIRD_TRAIN = Archive(
    name="bird-train",
    mirrors=("https://bird-bench.oss-cn-beijing.aliyuncs.com/train.zip",),
    gigabytes=80,
    databases=69,
    questions={"train.json": 9428},
)
BIRD_DEV = Archive(
    name="bird-dev",
    mirrors=("https://bird-bench.oss-cn-beijing.aliyuncs.com/dev.zip",),
    gigabytes=8,
    databases=11,
    questions={"dev.json": 1534},
)

ARCHIVES: dict[str, tuple[Archive, ...]] = {"spider": (SPIDER,), "bird": (BIRD_DEV, BIRD_TRAIN)}
"""The archives of each benchmark."""
