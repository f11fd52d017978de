"""Spider 1.0 as its archive unpacks: `train_spider.json`, `train_others.json`, `dev.json`, `database/<db_id>/`."""

from __future__ import annotations

from pathlib import Path

from pipesql.benchmarks.question_files import read_entries, require_databases, require_folder, text_field
from pipesql.records import Question

FILES = (("train_spider", "train"), ("train_others", "train"), ("dev", "dev"))
"""The question files, without their ending, and the split each belongs to."""


def questions(folder: Path, complete: bool = True) -> list[Question]:
    """All questions of the Spider folder; ids name file and index, as `spider-train_others-12`.

    Unless `complete`, databases may be missing. Raises BadInput: missing folder, file or database, malformed question.
    """
    require_folder(folder, "Spider")
    found = []
    for name, split in FILES:
        path = folder / f"{name}.json"
        for index, entry in enumerate(read_entries(path)):
            db_id = text_field(entry, "db_id", path, index)
            found.append(
                Question(
                    id=f"spider-{name}-{index}",
                    db_id=db_id,
                    database=str(folder / "database" / db_id / f"{db_id}.sqlite"),
                    question=text_field(entry, "question", path, index).strip(),
                    gold_sql=text_field(entry, "query", path, index).strip(),
                    benchmark="spider",
                    split=split,
                )
            )
    if complete:
        require_databases(found, folder / "database")
    return found
