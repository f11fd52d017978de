"""How a golden pair becomes training text.

`folded`  one sample a query: the prompt once, then all operators one after another.
`steps`   one sample an operator: the prompt holds the query so far, the target is the next operator.

Both teach the same: given schema, question and the operators before, write the next operator. The text of a prompt is
`chat.prompts.messages`, the same function that asks a trained model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pipesql.chat.prompts import messages
from pipesql.errors import BadInput
from pipesql.execution.schema import read_schema
from pipesql.records import GoldenPair, Sample


def build(pairs: Iterable[GoldenPair], layout: str) -> list[Sample]:
    """The samples of golden pairs, in their order, in one of `LAYOUTS`.

    Sample ids are the pairs' ids; in layout `steps` with `#` and the operator's number from 1 behind.
    Raises BadInput for an unknown layout or a database that cannot be read.
    """
    require_layout(layout)
    return [sample for pair in pairs for sample in LAYOUTS[layout](pair)]


def require_layout(layout: str) -> None:
    """Raises BadInput unless `layout` is one of `LAYOUTS`."""
    if layout not in LAYOUTS:
        raise BadInput(f"unknown layout {layout!r}; choose one of {', '.join(LAYOUTS)}")


def _folded(pair: GoldenPair) -> Iterator[Sample]:
    prompt = messages(read_schema(Path(pair.database)), pair.question, pair.evidence)
    yield Sample(pair.id, pair.db_id, pair.split, "folded", tuple(prompt), pair.operators)


def _steps(pair: GoldenPair) -> Iterator[Sample]:
    schema = read_schema(Path(pair.database))
    for i, operator in enumerate(pair.operators):
        prompt = messages(schema, pair.question, pair.evidence, query_so_far=pair.operators[:i])
        yield Sample(
            id=f"{pair.id}#{i + 1}",
            db_id=pair.db_id,
            split=pair.split,
            layout="steps",
            prompt=tuple(prompt),
            targets=(operator,),
            final=i == len(pair.operators) - 1,
        )


LAYOUTS: dict[str, Callable[[GoldenPair], Iterator[Sample]]] = {"folded": _folded, "steps": _steps}
"""The layouts by name."""
