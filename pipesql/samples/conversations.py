"""Conversations with tools about a golden pair: real calls, real results, in three depths by difficulty.

`execute`   (easy)    the prompt holds the schema; the query is run, then given as the answer
`describe`  (medium)  the prompt names the tables; those that the query reads are described first
`explore`   (hard)    the prompt holds the question alone; tables are listed, described and sampled, and prefixes tried

So the tools must find what the prompt leaves out. In a share of the conversations (`REPAIRS`) the assistant first runs
a query with a mistake, reads the resolver's error, and repairs it; the mistake has `weight` 0, so the loss does not
count it. Every result comes from `assistant_tools.Toolbox`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from pipesql.assistant_tools.specs import SPECS
from pipesql.assistant_tools.toolbox import Toolbox
from pipesql.benchmarks.hardness import hardness
from pipesql.chat.prompts import Value, quoted, schema_text, tool_messages
from pipesql.chat.tool_calls import answered, call, calling
from pipesql.errors import PipesqlError
from pipesql.pipe.query import text_of
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.walk import tables_read
from pipesql.records import GoldenPair, Sample
from pipesql.samples.mistakes import mistake

REPAIRS = 1 / 3
"""Share of the conversations with a mistake, if the query allows one."""
MOST_SAMPLED = 2
"""Tables of which `explore` samples rows."""

_DEPTHS = {"easy": 0, "simple": 0, "medium": 1, "moderate": 1, "hard": 2, "extra": 2, "challenging": 2}
DEPTHS = ("execute", "describe", "explore")


def converse(pair: GoldenPair, box: Toolbox, seed: int, values: Sequence[Value] = ()) -> Sample:
    """The conversation about a pair; its id ends in `#tools`. Raises PipesqlError if the pair's query fails."""
    depth, query = depth_of(pair), parse(pair.pipe_sql)
    read = filter(None, map(box.schema.table, tables_read(query)))
    names = list(dict.fromkeys(quoted(table.name) for table in read))
    turns = _Turns(box)
    if depth == "explore":
        turns.use(("list_tables", {}))
    if depth != "execute":
        turns.use(*(("describe_table", {"table": name}) for name in names))
    if depth == "explore":
        turns.use(*(("sample_data", {"table": name}) for name in names[:MOST_SAMPLED]))
        for length in _tried(len(pair.operators)):
            turns.use(("execute_pipe_sql", {"query": text_of(pair.operators[:length])}))
    draw = random.Random(f"{seed}/{pair.id}")
    if draw.random() < REPAIRS and (wrong := mistake(pair.pipe_sql, box.schema, draw)):
        turns.use(("execute_pipe_sql", {"query": wrong[1]}), weight=0)
    (result,) = turns.use(("execute_pipe_sql", {"query": pair.pipe_sql}))
    if "error" in json.loads(result):
        raise PipesqlError(f"{pair.id}: its query fails as a tool call: {json.loads(result)['error']}")
    known = {
        "execute": schema_text(box.schema),
        "describe": f"Tables: {', '.join(quoted(table.name) for table in box.schema)}",
        "explore": "",
    }[depth]
    prompt = (*tool_messages(known, pair.question, pair.evidence, values), *turns.messages)
    return Sample(f"{pair.id}#tools", pair.db_id, pair.split, "tools", prompt, pair.operators, tools=SPECS)


def _tried(length: int) -> list[int]:
    """Lengths of the prefixes that `explore` runs of a query of this length; the first operator alone was sampled."""
    return sorted({max(length // 2, 2), length - 1} & set(range(2, length)))


def depth_of(pair: GoldenPair) -> str:
    """The depth by the benchmark's label, or by Spider's rule if there is no label."""
    label = pair.hardness or hardness(pair.gold_sql)
    if label in _DEPTHS:
        return DEPTHS[_DEPTHS[label]]
    return DEPTHS[min(len(pair.operators) // 3, 2)]  # gold of another dialect: by the query's length


def depth_in(sample: Sample) -> str:
    """The depth of a conversation, by the tools that it calls."""
    called = {c["function"]["name"] for message in sample.prompt for c in message.get("tool_calls", ())}
    return "explore" if "list_tables" in called else "describe" if "describe_table" in called else "execute"


def has_repair(sample: Sample) -> bool:
    """Whether the assistant makes a mistake in it and repairs it."""
    return any(message.get("weight") == 0 for message in sample.prompt)


class _Turns:
    """The turns after the question, each call with its result from the toolbox."""

    def __init__(self, box: Toolbox) -> None:
        self.messages: list[dict[str, Any]] = []
        self._box = box
        self._calls = 0

    def use(self, *wanted: tuple[str, dict[str, Any]], weight: int = 1) -> list[str]:
        """Add a turn that calls these tools; returns their results."""
        made = [call(self._calls + n, name, **arguments) for n, (name, arguments) in enumerate(wanted, 1)]
        self._calls += len(made)
        results = [self._box.call(name, arguments) for name, arguments in wanted]
        self.messages.append(calling(made) | ({} if weight else {"weight": 0}))
        self.messages += [answered(one, result) for one, result in zip(made, results, strict=True)]
        return results
