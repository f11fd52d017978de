"""Constrained decoding of questions on several databases: the grammar, and a check of operators on each database."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from types import TracebackType
from typing import Any

from pipesql.decoding.grammar.mask import GrammarCompiler
from pipesql.decoding.types import Constraint
from pipesql.errors import ExecutionError, SqlError
from pipesql.execution.connection import Connection, QueryLimits
from pipesql.execution.database import Database
from pipesql.inference.config import DecodingConfig, Question
from pipesql.inference.mentions import mentions, missing_mentions
from pipesql.inference.operator_check import OperatorCheck
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse_operators
from pipesql.pipe.schema import Schema

VOTE_LIMITS = QueryLimits(max_rows=10_000)
"""A result of more rows has no vote."""
MENTION_COST = 1.0
"""Nats. What it costs an answer, among others to the same question, to leave out a name that the question mentions. Of
150 questions on held-out train databases, four models together gained ten by it and lost three; anything from half a
nat to three does about as well (docs/results)."""


class ConstrainedDecoding:
    """Makes the constraint, and weighs whole queries by their rows and missing mentions.

    Opens each database at most twice (to check operators, to compare rows) and closes them when the block ends.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        questions: Sequence[Question],
        schemas: Mapping[str, Schema],
        config: DecodingConfig,
        follow: Callable[[int, Sequence[str]], None],
    ) -> None:
        """`schemas` holds the schema of each question's database. `follow` gets a question's index and the operators of
        its first answer as they are finished or taken back."""
        width = int(model.get_output_embeddings().weight.shape[0])
        self._compiler = GrammarCompiler(tokenizer, width)
        self._questions, self._schemas, self._config, self._follow = questions, schemas, config, follow
        self._checks: dict[str, OperatorCheck] = {}
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> ConstrainedDecoding:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for check in self._checks.values():
            check.close()
        for connection in self._connections.values():
            connection.close()

    def constraint(self) -> Constraint:
        """The constraint for prompts that repeat every question `answers_per_question` times in a row; the first
        answer is greedy."""
        config, each = self._config, self._config.answers_per_question

        def mask_of(index: int, before: Sequence[str]) -> Any:
            more = len(before) + 1 < config.limits.operators
            return self._compiler.operator(self._schemas[self._database(index)], before, more=more)

        def check(index: int, operators: Sequence[str], whole: bool) -> Any:
            return self._check(self._database(index)).check(operators, whole)

        def temperature(index: int) -> float:
            return config.temperature if index % each else 0.0

        def follow(index: int, operators: Sequence[str]) -> None:
            if index % each == 0:
                self._follow(index // each, operators)

        return Constraint(mask_of, check, temperature, config.seed, on_operators=follow)

    def rows(self, question: Question, operators: Sequence[str]) -> Hashable | None:
        """The rows of a query as a multiset, in a form that can be compared; None where it does not run."""
        path = question.database
        if path not in self._connections:
            self._connections[path] = Database(path, VOTE_LIMITS).open()
        connection = self._connections[path]
        try:
            sql = lower(parse_operators(operators), self._schemas[path], connection.dialect)
            return tuple(sorted(repr(row) for row in connection.run(sql).rows))
        except (SqlError, ExecutionError):
            return None

    def cost(self, question: Question, operators: Sequence[str]) -> float:
        """What a query's missing mentions cost it as an answer, in nats."""
        return MENTION_COST * len(self.missing_mentions(question, operators))

    def missing_mentions(self, question: Question, operators: Sequence[str]) -> tuple[str, ...]:
        """The names that the question mentions and the query leaves out; empty where `check` is less than mentions."""
        if self._config.check != "mentions":
            return ()
        schema = self._schemas[question.database]
        return tuple(missing_mentions(schema, mentions(schema, question.question), operators))

    def _database(self, index: int) -> str:
        return self._questions[index // self._config.answers_per_question].database

    def _check(self, path: str) -> OperatorCheck:
        if path not in self._checks:
            self._checks[path] = OperatorCheck(Database(path), self._config.check)
        return self._checks[path]
