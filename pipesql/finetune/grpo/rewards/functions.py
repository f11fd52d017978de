"""The rewards as functions for TRL's GRPOTrainer: token ids of answers in, a number for each out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from pipesql.decoding.decode import read_answer
from pipesql.execution.connection import QueryLimits, RememberingConnection
from pipesql.execution.database import Database
from pipesql.finetune.grpo.rewards import REWARDS
from pipesql.pipe.query import text_of
from pipesql.records import GoldenPair

LATEST = 64
"""Number of latest results of a database that are kept, errors and timeouts included."""
CACHED = 4_096
"""Number of answers whose rewards are cached, because TRL calls each reward for a batch separately."""


@dataclass(frozen=True)
class RewardedAnswer:
    """An answer. `text` is pipe SQL, one operator a line; `stop` is `done`, `invalid` (empty) or `length`."""

    id: str
    text: str
    stop: str
    rewards: dict[str, float]


class Rewards:
    """Computes the rewards of answers to known questions, on read-only databases. Use as a context manager.

    The limits hold for each query, the gold's included.
    """

    def __init__(self, tokenizer: Any, limits: QueryLimits) -> None:
        self._tokenizer, self._limits = tokenizer, limits
        self._connections: dict[str, RememberingConnection] = {}
        self._pairs: dict[str, GoldenPair] = {}
        self._open = ExitStack()
        self._rewarded: OrderedDict[tuple[str, tuple[int, ...]], RewardedAnswer] = OrderedDict()
        self.latest: list[RewardedAnswer] = []
        """The answers of the latest batch, in its order."""

    def add(self, pair: GoldenPair) -> int:
        """Add a question and run its gold; returns the number of the gold's rows.

        Raises ExecutionError where the gold does not run within the limits, BadInput for a missing database.
        """
        if pair.database not in self._connections:
            opened = self._open.enter_context(Database(pair.database, self._limits).open())
            self._connections[pair.database] = RememberingConnection(opened, LATEST)
        gold = self._connections[pair.database].keep(pair.gold_sql)
        self._pairs[pair.id] = pair
        return len(gold.rows)

    def reward(self, id: str, ids: Sequence[int]) -> RewardedAnswer:
        """The rewards of the answer with the token ids `ids` to the question `id`; all 0 where it has not ended."""
        key = (id, tuple(ids))
        if key not in self._rewarded:
            pair, decoded = self._pairs[id], read_answer(self._tokenizer, ids)
            text = text_of(decoded.operators)
            connection = self._connections[pair.database]
            ended = decoded.stop == "done"
            rewards = {name: reward(text, pair, connection) if ended else 0.0 for name, reward in REWARDS.items()}
            self._rewarded[key] = RewardedAnswer(id, text, decoded.stop, rewards)
            if len(self._rewarded) > CACHED:
                self._rewarded.popitem(last=False)
        return self._rewarded[key]

    def functions(self) -> list[RewardFunction]:
        """A function for each reward, in the order of REWARDS."""
        return [RewardFunction(self, name) for name in REWARDS]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()


class RewardFunction:
    """One reward, called by TRL with the columns of the dataset (`id`) and the answers (`completion_ids`)."""

    def __init__(self, rewards: Rewards, name: str) -> None:
        self.__name__ = name
        self._rewards = rewards

    def __call__(self, completion_ids: Sequence[Sequence[int]], id: Sequence[str], **_: Any) -> list[float]:
        """The reward in [0, 1] of each answer."""
        latest = [self._rewards.reward(one, ids) for one, ids in zip(id, completion_ids, strict=True)]
        self._rewards.latest = latest
        return [answer.rewards[self.__name__] for answer in latest]
