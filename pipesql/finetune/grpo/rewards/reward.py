"""Rewards as TRL's GRPOTrainer calls them: token ids of answers in, one number each out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from pipesql.decoding.operator_stream import read_answer
from pipesql.execution.connection import QueryLimits, RememberingConnection
from pipesql.execution.database import Database
from pipesql.finetune.grpo.rewards import REWARDS
from pipesql.pipe.query import text_of
from pipesql.records import GoldenPair

LATEST = 64
"""Up to this many of the latest results of a database are remembered, errors and timeouts among them."""
REMEMBERED = 4_096
"""So many judged answers are remembered: TRL asks for each reward of a whole batch apart."""


@dataclass(frozen=True)
class Judged:
    """One answer. `text` is pipe SQL, one operator a line; `stop` is `done`, `invalid` (empty) or `length`."""

    id: str
    text: str
    stop: str
    rewards: dict[str, float]


class Judge:
    """Judges answers to known questions, each on its database, read-only. Use as a context manager.

    `limits` hold for each query, the gold's included.
    """

    def __init__(self, tokenizer: Any, limits: QueryLimits) -> None:
        self._tokenizer, self._limits = tokenizer, limits
        self._connections: dict[str, RememberingConnection] = {}
        self._pairs: dict[str, GoldenPair] = {}
        self._open = ExitStack()
        self._judged: OrderedDict[tuple[str, tuple[int, ...]], Judged] = OrderedDict()
        self.latest: list[Judged] = []
        """The answers of the latest batch, in its order."""

    def add(self, pair: GoldenPair) -> int:
        """Take in a question and run its gold, whose rows it returns the number of.

        Raises ExecutionError where the gold does not run within the limits, BadInput for a database that is gone.
        """
        if pair.database not in self._connections:
            opened = self._open.enter_context(Database(pair.database, self._limits).open())
            self._connections[pair.database] = RememberingConnection(opened, LATEST)
        gold = self._connections[pair.database].keep(pair.gold_sql)
        self._pairs[pair.id] = pair
        return len(gold.rows)

    def judge(self, id: str, ids: Sequence[int]) -> Judged:
        """What the answer `ids` to the question `id` is worth. One that did not end is no answer: 0 throughout."""
        key = (id, tuple(ids))
        if key not in self._judged:
            pair, decoded = self._pairs[id], read_answer(self._tokenizer, ids)
            text = text_of(decoded.operators)
            connection = self._connections[pair.database]
            ended = decoded.stop == "done"
            rewards = {name: reward(text, pair, connection) if ended else 0.0 for name, reward in REWARDS.items()}
            self._judged[key] = Judged(id, text, decoded.stop, rewards)
            if len(self._judged) > REMEMBERED:
                self._judged.popitem(last=False)
        return self._judged[key]

    def functions(self) -> list[RewardFunction]:
        """One function a reward, in the order of REWARDS."""
        return [RewardFunction(self, name) for name in REWARDS]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()


class RewardFunction:
    """One reward, called by TRL with the columns of the dataset (`id`) and the answers (`completion_ids`)."""

    def __init__(self, judge: Judge, name: str) -> None:
        self.__name__ = name
        self._judge = judge

    def __call__(self, completion_ids: Sequence[Sequence[int]], id: Sequence[str], **_: Any) -> list[float]:
        """A number in [0, 1] for each answer."""
        self._judge.latest = [self._judge.judge(one, ids) for one, ids in zip(id, completion_ids, strict=True)]
        return [judged.rewards[self.__name__] for judged in self._judge.latest]
