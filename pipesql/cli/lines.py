"""Batch mode: JSON Lines in, JSON Lines out, one answer a line in the same order, errors as answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput, PipesqlError


def answer_lines(asked: str, answered: str, db: Path | None, convert: Callable[[str, Path | None], str]) -> None:
    """Convert field `asked` of every line of standard input into field `answered` of a line of standard output.

    `db` is the database of lines that name none.
    """
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        row: dict[str, Any] = {}
        try:
            row = _row(line, number, asked)
            path = row.get("db") or db
            out = {answered: convert(row[asked], None if path is None else Path(path))}
        except PipesqlError as e:
            out = {"error": str(e)}
        print(json.dumps({"id": row.get("id"), **out}, ensure_ascii=False))


def _row(line: str, number: int, asked: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as e:
        raise BadInput(f"line {number}: not JSON ({e.msg} at column {e.colno})") from e
    if not isinstance(row, dict) or not isinstance(row.get(asked), str):
        raise BadInput(f"line {number}: expected an object with a text field {asked}")
    if not isinstance(row.get("db", ""), str):
        raise BadInput(f"line {number}: field db must be the path of a SQLite file")
    return row
