"""What guides and judges answers to questions on several databases: a constraint, and a judge for each database.

The answer that most samples agree on: not by their text, but by the rows that it returns.

Each distinct text counts by the probability that the model gives it, so that a rare way to say something adds little;
texts that return the same rows add up. What speaks against a text makes it count for less. The share of the winner is a
measure of how sure the model is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import TracebackType
from typing import Any

from pipesql.decoding.answers import Decoded
from pipesql.decoding.backtracking import Guide
from pipesql.decoding.grammar.mask import Constraint
from pipesql.errors import ExecutionError, SqlError
from pipesql.execution.connection import Connection, QueryLimits
from pipesql.execution.database import Database
from pipesql.inference.config import Asking
from pipesql.inference.mentions import left_out, mentions
from pipesql.inference.operator_check import OperatorJudge
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse_operators
from pipesql.pipe.schema import Schema

VOTE_LIMITS = QueryLimits(max_rows=10_000)
"""A result of more rows has no vote."""
UNSAID = 1.0
"""Nats. What it costs an answer, among others to the same question, to leave out something that the question calls by
its name. Of 150 questions on held-out train databases, four models together gained ten by it and lost three; anything
from half a nat to three does about as well (docs/results)."""


class Guidance:
    """Opens each database twice at most (its judge, its rows) and closes them when the block ends."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        questions: Sequence[Any],
        schemas: Mapping[str, Schema],
        asking: Asking,
        follow: Callable[[int, Sequence[str]], None],
    ) -> None:
        """`questions` as in `answer`; `follow` gets a question's index and the operators of its first answer as they
        are finished or taken back."""
        width = int(model.get_output_embeddings().weight.shape[0])
        self._constraint = Constraint(tokenizer, width)
        self._questions, self._schemas, self._asking, self._follow = questions, schemas, asking, follow
        self._judges: dict[str, OperatorJudge] = {}
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> Guidance:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for judge in self._judges.values():
            judge.close()
        for connection in self._connections.values():
            connection.close()

    def guide(self) -> Guide:
        """The guide of prompts that repeat every question `asking.count` times in a row; the first is greedy."""
        asking = self._asking

        def mask_of(index: int, before: Sequence[str]) -> Any:
            more = len(before) + 1 < asking.limits.operators
            return self._constraint.operator(self._schemas[self._database(index)], before, more=more)

        def judge(index: int, operators: Sequence[str], whole: bool) -> Any:
            return self._judge(self._database(index)).judge(operators, whole)

        def temperature(index: int) -> float:
            return asking.temperature if index % asking.count else 0.0

        def follow(index: int, operators: Sequence[str]) -> None:
            if index % asking.count == 0:
                self._follow(index // asking.count, operators)

        return Guide(mask_of, judge, temperature, asking.seed, on_operators=follow)

    def rows(self, question: Any, operators: Sequence[str]) -> Hashable | None:
        """What stands for the rows of a query: their multiset; None where it does not run."""
        path = question.database
        if path not in self._connections:
            self._connections[path] = Database(path, VOTE_LIMITS).open()
        connection = self._connections[path]
        try:
            sql = lower(parse_operators(operators), self._schemas[path], connection.dialect)
            return tuple(sorted(repr(row) for row in connection.run(sql).rows))
        except (SqlError, ExecutionError):
            return None

    def cost(self, question: Any, operators: Sequence[str]) -> float:
        """What speaks against a query as an answer, in nats."""
        return UNSAID * len(self.unsaid(question, operators))

    def unsaid(self, question: Any, operators: Sequence[str]) -> tuple[str, ...]:
        """What the question calls by its name and the query leaves out; nothing where `evidence` is less than words."""
        if self._asking.evidence != "words":
            return ()
        schema = self._schemas[question.database]
        return tuple(left_out(schema, mentions(schema, question.question), operators))

    def _database(self, index: int) -> str:
        return self._questions[index // self._asking.count].database

    def _judge(self, path: str) -> OperatorJudge:
        if path not in self._judges:
            self._judges[path] = OperatorJudge(Database(path), self._asking.evidence)
        return self._judges[path]


RowsOf = Callable[[Sequence[str]], Hashable | None]
"""Operators → what stands for the rows that they return, equal where those are; None where they do not run."""
CostOf = Callable[[Sequence[str]], float]
"""Operators → what speaks against them, in nats."""


def vote(answers: Sequence[Decoded], rows_of: RowsOf, cost_of: CostOf = lambda operators: 0.0) -> tuple[Decoded, float]:
    """The likeliest answer of the result that wins, costs taken off, and the share in (0, 1] that the result has of
    all; the first answer and 0 where none of them runs. Answers of equal weight keep their order."""
    results: dict[Hashable, dict[tuple[str, ...], Decoded]] = defaultdict(dict)
    for answer in answers:
        rows = rows_of(answer.operators) if answer.stop == "done" else None
        if rows is not None:
            results[rows].setdefault(answer.operators, answer)
    if not results:
        return answers[0], 0.0
    worth = {text: found.score - cost_of(text) for texts in results.values() for text, found in texts.items()}
    top = max(worth.values())
    weights = {rows: sum(math.exp(worth[text] - top) for text in texts) for rows, texts in results.items()}
    winner = max(weights, key=lambda rows: weights[rows])
    best = max(results[winner].values(), key=lambda answer: worth[answer.operators])
    return best, weights[winner] / sum(weights.values())
