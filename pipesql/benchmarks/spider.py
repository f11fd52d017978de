"""Spider 1.0 as its archive unpacks: `train_spider.json`, `train_others.json`, `dev.json`, `database/<db_id>/`.

`read_entries` and `text_field` read the question files of BIRD too: JSON arrays of objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipesql.errors import InvalidFile
from pipesql.records import Question

FILES = (("train_spider", "train"), ("train_others", "train"), ("dev", "dev"))
"""The question files, without their ending, and the split each belongs to."""


def questions(folder: Path, complete: bool = True) -> list[Question]:
    """All questions of the Spider folder; ids name file and index, as `spider-train_others-12`.

    Unless `complete`, databases may be missing.
    Raises InvalidFile: missing folder, file or database, malformed question.
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


def require_folder(folder: Path, benchmark: str) -> None:
    """Raise InvalidFile unless `folder` is a folder."""
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise InvalidFile(f"the {benchmark} folder {folder} {what}; give the folder that holds its question files")


def read_entries(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON array. Raises InvalidFile with the line of a syntax error or the index of a bad entry."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as e:
        raise InvalidFile(
            f"the questions file {path} does not exist; unpack the benchmark again or check the path"
        ) from e
    except OSError as e:
        raise InvalidFile(f"cannot read the questions file {path}: {e.strerror}") from e
    except UnicodeDecodeError as e:
        raise InvalidFile(f"{path}: not UTF-8 text (byte {e.start}); the file is damaged or of another kind") from e
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as e:
        raise InvalidFile(f"{path}, line {e.lineno}: not JSON ({e.msg} at column {e.colno})") from e
    if not isinstance(entries, list):
        raise InvalidFile(f"{path}: expected a JSON array of questions, found {type(entries).__name__}")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise InvalidFile(f"{path}, entry {index}: expected an object, found {type(entry).__name__}")
    return entries


def text_field(entry: dict[str, Any], name: str, path: Path, index: int, optional: bool = False) -> str:
    """A text of an entry. Raises InvalidFile, naming file and entry, if it is missing, empty or not a text."""
    if optional and entry.get(name) is None:
        return ""
    value = entry.get(name)
    if isinstance(value, str) and (optional or value.strip()):
        return value
    fault = "missing" if name not in entry else "empty" if isinstance(value, str) else f"{value!r:.40}, not text"
    raise InvalidFile(f"{path}, entry {index}: the field {name!r} is {fault}")


def require_databases(questions: Iterable[Question], where: Path) -> None:
    """Raise InvalidFile if databases of the questions do not exist, with their number and one of them."""
    needed = {q.db_id: q.database for q in questions}
    missing = [path for path in needed.values() if not Path(path).is_file()]
    if missing:
        raise InvalidFile(
            f"{len(missing)} of the {len(needed)} databases under {where} are missing, for example {missing[0]}; "
            "unpack the benchmark's databases there, or leave out their questions with missing=skip"
        )
