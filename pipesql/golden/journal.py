"""The finished groups of a build, kept on disk until it ends, so that it can be resumed after a crash.

One file a database, which appears whole or not at all. Its name is a digest of all that the outcomes depend on: the
questions, the database's bytes, seed and limits, pipesql's own sources, the versions of sqlglot and SQLite. Outcomes
of other code, other questions or a changed database are therefore not found, and computed again.
"""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlglot

from pipesql.errors import BadInput
from pipesql.execution.connection import QueryLimits
from pipesql.records import GoldenPair, Question, Rejection
from pipesql.storage import code_version, content_digest, read_json_lines, read_record, write_jsonl


class Journal:
    """The finished groups in a folder, which is created when the first one is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def key(self, questions: Sequence[Question], database_digest: str, seed: int, limits: QueryLimits) -> str:
        """The name of the outcomes of these questions on this database."""
        return content_digest(
            {
                "questions": [dataclasses.asdict(question) for question in questions],
                "database": database_digest,
                "seed": seed,
                "limits": dataclasses.asdict(limits),
                "code": code_version(),
                "engines": [sqlglot.__version__, sqlite3.sqlite_version],
            }
        )

    def read(self, key: str, questions: Sequence[Question]) -> list[GoldenPair | Rejection] | None:
        """The outcomes of these questions in their order; None if they are not there, or the file is damaged."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            outcomes = [_outcome(row, path) for _, row in read_json_lines(path)]
        except (BadInput, UnicodeDecodeError, KeyError, TypeError, AttributeError):  # cut short by a power failure
            return None
        return outcomes if [o.id for o in outcomes] == [q.id for q in questions] else None

    def write(self, key: str, outcomes: Sequence[GoldenPair | Rejection]) -> None:
        """Keep the outcomes. Raises StorageError if they cannot be written."""
        write_jsonl(self._path(key), map(_row, outcomes))

    def clear(self) -> None:
        """Delete everything, once the build is written."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.jsonl"


def _row(outcome: GoldenPair | Rejection) -> dict[str, Any]:
    kind = "golden" if isinstance(outcome, GoldenPair) else "rejected"
    return {"kind": kind, "record": dataclasses.asdict(outcome)}


def _outcome(row: dict[str, Any], path: Path) -> GoldenPair | Rejection:
    if row["kind"] == "golden":
        return read_record(row["record"], GoldenPair, str(path))
    return read_record(row["record"], Rejection, str(path))
