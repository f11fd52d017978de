"""What guides and judges answers to questions on several databases: a constraint, and a judge for each database."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from types import TracebackType
from typing import Any

from pipesql.engine import dialect_of
from pipesql.errors import ExecutionError, SqlError
from pipesql.evaluate.asking import Asking
from pipesql.evaluate.bench import MAX_ROWS
from pipesql.evaluate.mentions import left_out, mentions
from pipesql.execution.database import Database
from pipesql.execution.opening import open_database
from pipesql.generate.constraint.mask import Constraint
from pipesql.generate.guided import Guide
from pipesql.generate.judges import OperatorJudge
from pipesql.pipe.lower import lower
from pipesql.pipe.parser import parse
from pipesql.pipe.schema import Schema

MOST_ROWS = 10_000
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
        self._databases: dict[str, Database] = {}

    def __enter__(self) -> Guidance:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for judge in self._judges.values():
            judge.close()
        for database in self._databases.values():
            database.close()

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
        if path not in self._databases:
            self._databases[path] = open_database(path, max_rows=MOST_ROWS)
        try:
            sql = lower(parse("\n".join(operators)), self._schemas[path], dialect_of(path))
            return tuple(sorted(repr(row) for row in self._databases[path].run(sql).rows))
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
            self._judges[path] = OperatorJudge(path, self._schemas[path], self._asking.evidence, most_rows=MAX_ROWS)
        return self._judges[path]
