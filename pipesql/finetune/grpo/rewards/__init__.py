"""The rewards of an answer: four numbers in [0, 1], each a pure function of (text, golden pair, database).

| reward | for | weight |
|---|---|---|
| `execution` | the answer parses, resolves, lowers and runs within the limits | 0.3 |
| `result_f1` | how much of the gold's result it returns | 0.5 |
| `schema` | the share of its names that exist | 0.1 |
| `structure` | how similar its operators are to the gold's, by kind and order | 0.1 |

The database is read-only, with a deadline and a row limit. A `RememberingConnection` keeps results, so that four
rewards cost one execution. `functions` passes the rewards to TRL. To add a reward, write such a function, enter it in
`REWARDS`, and give `GrpoRecipe` its weight.
"""

from __future__ import annotations

from collections.abc import Callable

from pipesql.execution.connection import Connection
from pipesql.finetune.grpo.rewards.answers import execution, structure
from pipesql.finetune.grpo.rewards.result_f1 import result_f1
from pipesql.finetune.grpo.rewards.schema_adherence import schema_adherence
from pipesql.records import GoldenPair

Reward = Callable[[str, GoldenPair, Connection], float]

REWARDS: dict[str, Reward] = {
    "execution": execution,
    "result_f1": result_f1,
    "schema": schema_adherence,
    "structure": structure,
}
"""Name → reward, in the order of `GrpoRecipe.weights`."""
