"""Batch mode: JSON Lines in, JSON Lines out; one answer per line in the same order, errors included."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pipesql.cli.workers import Workers
from pipesql.errors import InvalidFile, PipesqlError

ALONE = 1000
"""Lines that one process answers, in about a second, before it starts others to help."""


def answer_lines(
    source: str, target: str, db: str | None, convert: Callable[[str, str | None], str], jobs: int = 0
) -> None:
    """Convert field `source` of every line of standard input into field `target` of a line of standard output.

    `db` is the database of lines that do not name one. `jobs` is the number of processes for long inputs, 0 for one per
    core. `convert` must be picklable.
    """
    answer = Answer(source, target, db, convert)
    jobs = jobs or _cores()
    lines = _lines()
    for line in itertools.islice(lines, None if jobs == 1 else ALONE):
        _print(answer(line))
    if jobs > 1 and (first := next(lines, None)) is not None:
        for out in Workers(answer, answer.lost, jobs).results(itertools.chain([first], lines)):
            _print(out)


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _lines() -> Iterator[tuple[int, bytes]]:
    """The lines of standard input that are not blank, with their numbers from 1."""
    return ((number, line) for number, line in enumerate(sys.stdin.buffer, 1) if line.strip())


def _print(answer: str) -> None:
    sys.stdout.write(answer + "\n")


@dataclass(frozen=True)
class Answer:
    """Answers one numbered line."""

    source: str
    target: str
    db: str | None
    convert: Callable[[str, str | None], str]

    def __call__(self, line: tuple[int, bytes]) -> str:
        """The answer as JSON. A PipesqlError is an answer, too."""
        row: dict[str, Any] = {}
        try:
            row = _row(line, self.source)
            path = row.get("db") or self.db
            out = {self.target: self.convert(row[self.source], None if path is None else str(path))}
        except PipesqlError as e:
            out = {"error": str(e)}
        return _json({"id": row.get("id"), **out})

    def lost(self, line: tuple[int, bytes]) -> str:
        """The answer to a line that killed the process that converted it."""
        row = _row(line, self.source)
        return _json({"id": row.get("id"), "error": f"line {line[0]}: the process that converted this line was killed"})


def _json(row: dict[str, Any]) -> str:
    text = json.dumps(row, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can escape and UTF-8 cannot hold
        return json.dumps(row)
    return text


def _row(line: tuple[int, bytes], field: str) -> dict[str, Any]:
    number, text = line
    try:
        row = json.loads(text)
    except json.JSONDecodeError as e:
        raise InvalidFile(f"line {number}: not JSON ({e.msg} at column {e.colno})") from e
    except UnicodeDecodeError as e:
        raise InvalidFile(f"line {number}: not UTF-8 text") from e
    except RecursionError as e:
        raise InvalidFile(f"line {number}: nested too deeply") from e
    if not isinstance(row, dict) or not isinstance(row.get(field), str):
        raise InvalidFile(f"line {number}: expected an object with a text field {field}")
    if not isinstance(row.get("db") or "", str):
        raise InvalidFile(f"line {number}: field db must be the path or URL of a database")
    return row
