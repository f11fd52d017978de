"""Run an answer as evaluation does: parse pure pipe SQL, lower it for its database, execute it within limits.

Here are also the two simple rewards: `execution` (does the answer run?) and `structure` (are its operators of the
gold's kinds, in the gold's order?).
"""

from __future__ import annotations

from collections.abc import Sequence

from pipesql.errors import ExecutionError, SqlError
from pipesql.execution.connection import Connection, Result
from pipesql.execution.database import Database
from pipesql.pipe import operators as op
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.read import read_text
from pipesql.records import GoldenPair


def parse_answer(text: str) -> PipeQuery | None:
    """The query in the text, or None where it is not pure pipe SQL."""
    try:
        return read_text(text)
    except SqlError:
        return None


def run_answer(text: str, pair: GoldenPair, connection: Connection) -> Result | None:
    """The result of the text on the pair's database, or None where it does not run within the limits.

    Raises BadInput where the database cannot be read.
    """
    query = parse_answer(text)
    if query is None:
        return None
    try:
        return connection.run(lower(query, Database(pair.database).schema, connection.dialect))
    except (SqlError, ExecutionError):  # a timeout and too many rows are ExecutionErrors
        return None


def execution(text: str, pair: GoldenPair, connection: Connection) -> float:
    """1 where the text is pipe SQL that resolves, lowers and runs within the database's limits, else 0.

    It ignores the result, so alone it would teach harmless queries; `result_f1` weighs more.
    """
    return 0.0 if run_answer(text, pair, connection) is None else 1.0


def structure(text: str, pair: GoldenPair, connection: Connection) -> float:
    """F1 of the longest common subsequence of operator kinds, 2·L / (m + n) for m and n operators; 0 where the text is
    not pipe SQL.

    Source: ROUGE-L (C.-Y. Lin, 2004) with equal weights for precision L/m and recall L/n. Kinds are GoogleSQL's words
    (`LEFT JOIN` differs from `JOIN`); operators inside brackets do not count. `connection` is not used.
    """
    query, gold = parse_answer(text), parse_answer(pair.pipe_sql)
    if query is None or gold is None:
        return 0.0
    one, other = kinds(query), kinds(gold)
    return 2 * common_length(one, other) / (len(one) + len(other))


def kinds(query: PipeQuery) -> list[str]:
    """The name of each operator, in order."""
    return [f"{o.kind} JOIN".lstrip() if isinstance(o, op.Join) else op.keyword(o) for o in query.operators]


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for item in one:
        above = row
        row = [0]
        for number, rival in enumerate(other, 1):
            row.append(above[number - 1] + 1 if item == rival else max(above[number], row[-1]))
    return row[-1]
