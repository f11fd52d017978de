"""What samples shall be like."""

from __future__ import annotations

from dataclasses import dataclass

from pipesql.errors import BadInput

LAYOUTS = ("folded", "steps", "tree")
"""The layouts by name; `layouts` says what they are."""


@dataclass(frozen=True)
class Options:
    """How golden pairs become samples. Raises BadInput, naming the option, for a value that it cannot have."""

    layout: str = "folded"
    tool_ratio: float = 0.0
    """Share of queries that get a conversation with tools beside their samples."""
    values: int = 0
    """At most so many values of each column that the question speaks of stand in the prompt."""
    keys: int = 1
    """1: the schema in the prompt says what is a primary and a foreign key; 0: it does not."""
    disguises: int = 0
    """Each training database is shown under so many other names, too (`disguise`)."""
    validation: float = 0.0
    """Share of the training queries, in whole databases, that is kept for the evaluation loss."""
    max_length: int = 2048
    """Samples of more tokens are counted as too long."""
    tokenizer: str = "auto"
    """The model whose tokens lengths are counted in (`lengths.ruler`)."""
    execute_prefixes: int = 1
    """1: every prefix of every query is executed; 0: none."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise BadInput(f"unknown layout {self.layout!r}; choose one of {', '.join(LAYOUTS)}")
        for name, low, high in (
            ("tool_ratio", 0, 1),
            ("validation", 0, 0.5),
            ("values", 0, 20),
            ("keys", 0, 1),
            ("disguises", 0, 20),
            ("max_length", 1, 10**7),
            ("execute_prefixes", 0, 1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInput(f"{name} is {value}; give a number from {low} to {high}")
