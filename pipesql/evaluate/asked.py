"""What a question must say to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Asked(Protocol):
    """A question. `database` is the path of a file, or a URL."""

    @property
    def database(self) -> str: ...

    @property
    def question(self) -> str: ...

    @property
    def evidence(self) -> str: ...


@dataclass(frozen=True)
class Question:
    """A question by itself; `evidence` is what else one should know, in a sentence."""

    database: str
    question: str
    evidence: str = ""
