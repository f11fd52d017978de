"""How a golden pair becomes training text.

`folded`  one sample a query: the prompt once, then all operators one after another.
`tree`    the same samples; their file holds the schema once a database, the questions as branches (`chat.trees`).
`steps`   one sample an operator: the prompt holds the query so far, the target is the next operator.

All teach the same: given schema, question and the operators before, write the next operator. The text of a prompt is
`chat.prompts.messages`, the same function that asks a trained model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipesql.chat.prompts import Value, messages
from pipesql.pipe.schema import Schema
from pipesql.records import GoldenPair, Sample


def lay_out(pair: GoldenPair, schema: Schema, layout: str, values: Sequence[Value] = ()) -> Iterator[Sample]:
    """The samples of a golden pair in one of `options.LAYOUTS`.

    Sample ids are the pairs' ids; in layout `steps` with `#` and the operator's number from 1 behind.
    """
    if layout != "steps":
        prompt = messages(schema, pair.question, pair.evidence, values=values)
        yield Sample(pair.id, pair.db_id, pair.split, layout, tuple(prompt), pair.operators)
        return
    for i, operator in enumerate(pair.operators):
        prompt = messages(schema, pair.question, pair.evidence, pair.operators[:i], values)
        final = i == len(pair.operators) - 1
        yield Sample(f"{pair.id}#{i + 1}", pair.db_id, pair.split, layout, tuple(prompt), (operator,), final)
