"""The texts of the demo benchmark, which are package data; they can be read from a zipped package too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

SPLITS = ("train", "dev")


@dataclass(frozen=True)
class Source:
    """One demo database as text: its identifier, its split and the folder that holds its files."""

    db_id: str
    split: str
    folder: Traversable

    def read(self, name: str) -> str:
        """The text of one file of the folder, line ends as `\\n`."""
        return self.folder.joinpath(name).read_text(encoding="utf-8")

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that have a CSV file, sorted."""
        return tuple(sorted(f.name.removesuffix(".csv") for f in self.folder.iterdir() if f.name.endswith(".csv")))

    def digest(self, version: int) -> str:
        """SHA-256, in hex, of everything that the built file depends on: schema, rows and the builder's version."""
        seen = hashlib.sha256(f"{version}\n".encode())
        for name in ("schema.sql", *(f"{table}.csv" for table in self.tables)):
            text = self.read(name)
            seen.update(f"{name} {len(text)}\n{text}".encode())
        return seen.hexdigest()


def sources() -> Iterator[Source]:
    """All demo databases: train before dev, each split in alphabetical order."""
    data = files("pipesql.benchmarks.demo").joinpath("data")
    for split in SPLITS:
        for folder in sorted(data.joinpath(split).iterdir(), key=lambda f: f.name):
            if folder.is_dir():
                yield Source(folder.name, split, folder)
