"""The demo's questions, each with its gold SQL and its hardness."""

from __future__ import annotations

import json
from pathlib import Path

from pipesql.benchmarks.demo.databases import database_path
from pipesql.benchmarks.demo.sources import Source, sources
from pipesql.errors import InvalidFile
from pipesql.records import Question

HARDNESS = ("easy", "medium", "hard", "extra")

_FIELDS = ("id", "question", "sql", "hardness")


def questions(folder: Path) -> list[Question]:
    """All demo questions, train before dev, about the databases that `build(folder)` wrote.

    Raises InvalidFile if a database is not in `folder`, or a line of `questions.jsonl` is not a question.
    """
    return [question for source in sources() for question in _read(source, database_path(folder, source.db_id))]


def _read(source: Source, database: Path) -> list[Question]:
    if not database.is_file():
        raise InvalidFile(f"the demo database {database} does not exist; build the demo benchmark there first")
    found = []
    for number, line in enumerate(source.read("questions.jsonl").splitlines(), 1):
        where = f"{source.folder}/questions.jsonl, line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as e:
            raise InvalidFile(f"{where}: not JSON ({e.msg} at column {e.colno})") from e
        if not isinstance(row, dict) or tuple(row) != _FIELDS or row["hardness"] not in HARDNESS:
            raise InvalidFile(f"{where}: expected the keys {', '.join(_FIELDS)}, hardness one of {', '.join(HARDNESS)}")
        found.append(
            Question(
                id=row["id"],
                db_id=source.db_id,
                database=str(database),
                question=row["question"],
                gold_sql=row["sql"],
                benchmark="demo",
                split=source.split,
                hardness=row["hardness"],
            )
        )
    return found
