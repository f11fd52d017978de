"""At which operator does a wrong answer part from the gold? Every prefix of a pipe query is a query that can be run.

The answer *parts at* the operator behind the longest of its prefixes that still *agrees* with the gold: one whose text
in canonical form is that of some prefix of the gold's pipe form, or that returns the rows of some prefix of it (rows as
a multiset, columns in any order). So a detour that comes back (a condition split in two, joins in another order) is no
parting, and what does not parse or resolve agrees with nothing.

- A whole answer that returns the right rows in the wrong order parts at its last ORDER BY, or its last operator. It is
  never held against the whole gold: that they differ is known.
- An answer that is itself a prefix of the gold ends too early: it parts behind its last operator.
- Prefixes run with a deadline of a second and at most 10,000 rows; one that needs more agrees by its text or not.
- Nothing is proved by this: an empty result agrees with an empty one. It says where to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipesql.errors import ExecutionError, SqlError
from pipesql.evaluate.rules.spider import Row, same_denotation
from pipesql.execution.suite import Suite
from pipesql.pipe import operators as op
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.read import read
from pipesql.pipe.reading.parser import parse_operators

ENDS_EARLY = "(ends early)"
UNREADABLE = "(unreadable)"


@dataclass(frozen=True)
class Parting:
    """The number of the operator, from 1 (one more than the answer has where it ends early), and what it is called."""

    number: int
    operator: str


@dataclass(frozen=True)
class _Prefix:
    text: str
    query: PipeQuery


def parting(operators: Sequence[str], gold: Sequence[str], kind: str, suite: Suite) -> Parting:
    """Where a wrong answer parts from the gold's pipe form; both as the texts of their operators.

    `kind` says how the rows of the whole answer differ, in the words of `execution.compare`; empty where it has none.
    """
    answer = _prefixes(operators, suite)
    if kind == "order":
        sorts = [i for i, o in enumerate(answer[-1].query.operators, 1) if isinstance(o, op.OrderBy)]
        return _named(operators, sorts[-1] if sorts else len(operators))
    wanted = _prefixes(gold, suite)
    for length in range(len(answer), 0, -1):
        # The whole answer is wrong, so it may agree with what comes before the whole gold only.
        among = wanted[:-1] if length == len(operators) else wanted
        if _agrees(answer[length - 1], among, suite):
            return _named(operators, length + 1)
    return _named(operators, 1)


def _prefixes(operators: Sequence[str], suite: Suite) -> list[_Prefix]:
    """The prefixes that are queries on the schema, shortest first, up to the first that is not one."""
    found = []
    for length in range(1, len(operators) + 1):
        try:
            query = read(operators[:length], suite.schema).query
            found.append(_Prefix(print_query(query), query))
        except SqlError:
            break
    return found


def _agrees(prefix: _Prefix, gold: Sequence[_Prefix], suite: Suite) -> bool:
    if any(prefix.text == other.text for other in gold):
        return True
    rows = _rows(prefix, suite)
    if rows is None:
        return False
    others = (_rows(other, suite) for other in gold)
    return any(other is not None and same_denotation(other, rows, ordered=False) for other in others)


def _rows(prefix: _Prefix, suite: Suite) -> list[Row] | None:
    """What a prefix returns; None where it cannot be run within the limits."""
    try:
        return suite.prefixes.run(lower(prefix.query, suite.schema, suite.dialect)).rows
    except (SqlError, ExecutionError):
        return None


def _named(operators: Sequence[str], number: int) -> Parting:
    if number > len(operators):
        return Parting(number, ENDS_EARLY)
    try:
        return Parting(number, op.keyword(parse_operators(operators[:number]).operators[-1]))
    except SqlError:
        return Parting(number, UNREADABLE)
