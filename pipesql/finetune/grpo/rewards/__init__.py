"""What an answer is worth: four rewards, each in [0, 1], each a pure function of (text, golden pair, database).

| reward | of what | weight |
|---|---|---|
| `execution` | it parses, resolves, lowers and runs within the limits | 0.3 |
| `result_f1` | how much of the gold's result it returned | 0.5 |
| `schema` | the share of its names that exist | 0.1 |
| `structure` | how alike its operators are to the gold's, by kind and order | 0.1 |

The database is read-only and under a deadline and a row limit; `remembered` keeps what it said, so that four rewards
cost one execution. `judge` hands them to TRL.
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
