"""The first divergence: at which operator a wrong answer leaves the gold. Every prefix of a pipe query can be run.

The answer *diverges at* the operator after the longest of its prefixes that still *agrees* with the gold: one whose
canonical text is that of some prefix of the gold's pipe form, or that returns the rows of some prefix of it (rows as a
multiset, columns in any order). So a detour that comes back (a condition split in two, joins in another order) is not a
divergence, and a prefix that does not parse or resolve agrees with nothing.

- A whole answer that returns the right rows in the wrong order diverges at its last ORDER BY, or its last operator. It
  is never compared with the whole gold, from which it is known to differ.
- An answer that is itself a prefix of the gold ends too early: it diverges after its last operator.
- Prefixes run with a deadline of a second and up to 10,000 rows; one that needs more can agree only by its text.
- This does not prove anything, since an empty result agrees with an empty one. It shows where to look.
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
class Divergence:
    """The number of the operator, from 1 (one more than the answer has where it ends early), and its name."""

    number: int
    operator: str


@dataclass(frozen=True)
class _Prefix:
    text: str
    query: PipeQuery


def first_divergence(operators: Sequence[str], gold: Sequence[str], kind: str, suite: Suite) -> Divergence:
    """Where a wrong answer diverges from the gold's pipe form; both as the texts of their operators.

    `kind` describes how the rows of the whole answer differ, in the words of `execution.compare`; empty where it has
    none.
    """
    answer = _prefixes(operators, suite)
    if kind == "order":
        sorts = [i for i, o in enumerate(answer[-1].query.operators, 1) if isinstance(o, op.OrderBy)]
        return _named(operators, sorts[-1] if sorts else len(operators))
    wanted = _prefixes(gold, suite)
    for length in range(len(answer), 0, -1):
        # The whole answer is wrong, so it can agree with proper prefixes of the gold only.
        among = wanted[:-1] if length == len(operators) else wanted
        if _agrees(answer[length - 1], among, suite):
            return _named(operators, length + 1)
    return _named(operators, 1)


def _prefixes(operators: Sequence[str], suite: Suite) -> list[_Prefix]:
    """The prefixes that are queries on the schema, shortest first, up to the first that is not."""
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
    """The rows of a prefix; None where it cannot be run within the limits."""
    try:
        return suite.prefixes.run(lower(prefix.query, suite.schema, suite.dialect)).rows
    except (SqlError, ExecutionError):
        return None


def _named(operators: Sequence[str], number: int) -> Divergence:
    if number > len(operators):
        return Divergence(number, ENDS_EARLY)
    try:
        return Divergence(number, op.keyword(parse_operators(operators[:number]).operators[-1]))
    except SqlError:
        return Divergence(number, UNREADABLE)
