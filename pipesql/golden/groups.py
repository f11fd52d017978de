"""The unit of work of a build: all questions of one database, so that it is opened and copied once.

A group is plain data and `round_trip_group` a plain function of it, which a process pool or Spark can send anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipesql.execution.connection import QueryLimits
from pipesql.execution.database import Database
from pipesql.execution.suite import Suite
from pipesql.golden.journal import Journal
from pipesql.golden.roundtrip import round_trip
from pipesql.records import GoldenPair, Question, Rejection


@dataclass(frozen=True)
class Group:
    """The questions of one database, each with its index among all questions.

    `journal` is the folder in which finished groups are kept, empty for none.
    """

    database: Database
    questions: tuple[tuple[int, Question], ...]
    seed: int
    journal: str = ""


@dataclass(frozen=True)
class Done:
    """The outcomes of a group by the questions' places, and the SHA-256 of the database."""

    database: str
    digest: str
    outcomes: tuple[tuple[int, GoldenPair | Rejection], ...]


def groups_of(questions: Sequence[Question], seed: int, limits: QueryLimits, journal: Path | None) -> list[Group]:
    """The groups, the largest first, so that no worker is left alone with one at the end."""
    by_database: dict[str, list[tuple[int, Question]]] = {}
    for place, question in enumerate(questions):
        by_database.setdefault(question.database, []).append((place, question))
    kept = str(journal) if journal else ""
    groups = [Group(Database(path, limits), tuple(members), seed, kept) for path, members in by_database.items()]
    return sorted(groups, key=lambda group: -len(group.questions))


OnOutcome = Callable[[GoldenPair | Rejection], None]


def round_trip_group(group: Group, on_outcome: OnOutcome = lambda outcome: None) -> Done:
    """Round-trip all questions of a group, or read the outcomes from the journal.

    `on_outcome` gets each outcome as soon as it is known.
    Raises BadInput where the database cannot be read or the journal not be written.
    """
    places = [place for place, _ in group.questions]
    questions = [question for _, question in group.questions]
    golds = [question.gold_sql for question in questions]
    with Suite(group.database, golds, copies=1, seed=group.seed) as suite:
        # A server's rows may have changed by the time that a build is resumed; only files are known by their bytes.
        journal = Journal(Path(group.journal)) if group.journal and group.database.can_be_copied else None
        key = journal.key(questions, suite.digest, group.seed, group.database.limits) if journal else ""
        outcomes = journal.read(key, questions) if journal else None
        if outcomes is None:
            outcomes = []
            for question in questions:
                outcomes.append(_round_trip(question, suite))
                on_outcome(outcomes[-1])
            if journal:
                journal.write(key, outcomes)
        else:
            for outcome in outcomes:
                on_outcome(outcome)
        return Done(group.database.location, suite.digest, tuple(zip(places, outcomes, strict=True)))


def _round_trip(question: Question, suite: Suite) -> GoldenPair | Rejection:
    try:
        return round_trip(question, suite)
    except BaseException as e:
        e.add_note(f"at question {question.id} on {question.database}: {question.gold_sql}")
        raise
