"""How a golden pair becomes training text.

`folded`  one sample a query: the prompt once, then all operators one after another.
`tree`    the same samples; their file holds the schema once a database, the questions as branches (`chat.trees`).
`steps`   one sample an operator: the prompt holds the query so far, the target is the next operator.

All teach the same: given schema, question and the operators before, write the next operator. The text of a prompt is
`chat.prompts.messages`, by which a trained model is prompted too.

Training shows a model each prefix and has it predict the next operator, so `broken_prefix` checks that each one parses
as it was written, resolves, and executes: for up to `ROWS` rows, within the deadline of `PREFIX_LIMITS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipesql.assistant_tools.toolbox import few
from pipesql.chat.prompts import Value, messages
from pipesql.errors import ExecutionError, InvalidOption, SqlError
from pipesql.execution.connection import Connection, QueryLimits
from pipesql.options import option
from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.reading.parser import parse_operators
from pipesql.pipe.schema import Schema
from pipesql.records import GoldenPair, Sample


def lay_out(pair: GoldenPair, schema: Schema, layout: str, values: Sequence[Value] = ()) -> Iterator[Sample]:
    """The samples of a golden pair in one of `LAYOUTS`.

    Sample ids are the pair's id, in layout `steps` followed by `#` and the operator's number from 1.
    """
    if layout != "steps":
        prompt = messages(schema, pair.question, pair.evidence, values=values)
        yield Sample(pair.id, pair.db_id, pair.split, layout, tuple(prompt), pair.operators)
        return
    for i, operator in enumerate(pair.operators):
        prompt = messages(schema, pair.question, pair.evidence, pair.operators[:i], values)
        final = i == len(pair.operators) - 1
        yield Sample(f"{pair.id}#{i + 1}", pair.db_id, pair.split, layout, tuple(prompt), (operator,), final)


LAYOUTS = ("folded", "steps", "tree")
"""The layouts by name."""


@dataclass(frozen=True)
class Options:
    """How golden pairs become samples. Raises InvalidOption, naming the option, for a value that it cannot have."""

    layout: str = option("folded", "One sample for each query (folded; tree: each schema once) or operator (steps).")
    tool_ratio: float = option(0.0, "Share of queries that also get a conversation with tools.")
    values: int = option(0, "Show up to N values of each column that the question mentions in the prompt.")
    keys: bool = option(True, "1: the schema in the prompt shows primary and foreign keys; 0: it does not.")
    renamings: int = option(0, "Also show each training database under N other sets of names.", old="disguises")
    validation: float = option(0.0, "Share of the training queries, in whole databases, to hold back for evaluation.")
    max_length: int = option(2048, "Samples with more tokens are counted as too long.")
    tokenizer: str = option(
        "auto", "Model whose tokenizer counts lengths: a name or folder; auto: smol, if it is here."
    )
    execute_prefixes: bool = option(True, "1: execute every prefix of every query; 0: none.")
    seed: int = 0

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise InvalidOption(f"unknown layout {self.layout!r}; choose one of {', '.join(LAYOUTS)}")
        for name, low, high in (
            ("tool_ratio", 0, 1),
            ("validation", 0, 0.5),
            ("values", 0, 20),
            ("keys", 0, 1),
            ("renamings", 0, 20),
            ("max_length", 1, 10**7),
            ("execute_prefixes", 0, 1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidOption(f"{name} is {value}; give a number from {low} to {high}")


PREFIX_LIMITS = QueryLimits(timeout_s=10.0)
"""Limits of the query of each prefix."""
ROWS = 100
"""Rows to fetch of each prefix."""


def broken_prefix(pair: GoldenPair, schema: Schema, connection: Connection) -> str:
    """A sentence that names the pair and says what is wrong with its first faulty prefix; empty if all are right."""
    for length in range(1, len(pair.operators) + 1):
        operators = pair.operators[:length]
        try:
            query = parse_operators(operators)
            if tuple(print_operators(query)) != operators:
                return f"{pair.id}: its first {length} operators change when they are parsed and printed again"
            connection.run(few(query, schema, connection.dialect, ROWS))
        except (SqlError, ExecutionError) as e:
            return f"{pair.id}: its first {length} of {len(pair.operators)} operators do not execute: {e}"
    return ""
