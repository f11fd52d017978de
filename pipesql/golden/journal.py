"""What a build has finished, kept until it ends: a build that was killed goes on where it stopped.

One file a database, written whole under a temporary name and then renamed, so that a kill at any moment leaves a file
or none. Its name is a digest of all that the outcomes depend on: the questions, the database's bytes, seed and
deadline, pipesql's own sources, the versions of sqlglot and SQLite. What was made by other code, of other questions or
of a changed database is therefore not found, and made anew.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlglot

from pipesql.errors import BadInput
from pipesql.records import GoldenPair, Question, Rejection
from pipesql.storage import code_version, content_digest, read_json_lines, write_jsonl

_KINDS: dict[str, type[GoldenPair] | type[Rejection]] = {"golden": GoldenPair, "rejected": Rejection}


class Journal:
    """The finished groups in a folder, which is made when the first one is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def key(self, questions: Sequence[Question], database_digest: str, seed: int, timeout_s: float) -> str:
        """The name of what these questions give on this database."""
        return content_digest(
            {
                "questions": [asdict(question) for question in questions],
                "database": database_digest,
                "seed": seed,
                "timeout_s": timeout_s,
                "code": code_version(),
                "engines": [sqlglot.__version__, sqlite3.sqlite_version],
            }
        )

    def read(self, key: str, questions: Sequence[Question]) -> list[GoldenPair | Rejection] | None:
        """The outcomes of these questions in their order; None where they are not kept, or the file is damaged."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            outcomes = [_outcome(row) for _, row in read_json_lines(path)]
        except (BadInput, UnicodeDecodeError, KeyError, TypeError):  # cut short by a power failure, say
            return None
        return outcomes if [o.id for o in outcomes] == [q.id for q in questions] else None

    def write(self, key: str, outcomes: Sequence[GoldenPair | Rejection]) -> None:
        """Keep the outcomes. Raises BadInput where they cannot be written."""
        names = {kind: name for name, kind in _KINDS.items()}
        write_jsonl(self._path(key), [{"kind": names[type(o)], "record": asdict(o)} for o in outcomes])

    def clear(self) -> None:
        """Forget everything, once the build that it served is written."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.jsonl"


def _outcome(row: dict[str, object]) -> GoldenPair | Rejection:
    record = row["record"]
    if not isinstance(record, dict):
        raise TypeError("not a record")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    return _KINDS[str(row["kind"])](**values)
