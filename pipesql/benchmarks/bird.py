"""BIRD as its archives unpack, or its train and dev parts side by side in one folder.

A part is a questions file with its databases near it: `train.json` or `dev.json`, in the folder itself or one folder
below (`train/train.json`, `dev_20240627/dev.json`), and `…database…/<db_id>/<db_id>.sqlite` beside the questions file
(`train_databases`, `dev_databases`, `database`) or in the folder itself. One part alone is enough.
"""

from __future__ import annotations

from pathlib import Path

from pipesql.benchmarks.spider import read_entries, require_databases, require_folder, text_field
from pipesql.errors import InvalidFile
from pipesql.records import Question

SPLITS = ("train", "dev")


def questions(folder: Path, complete: bool = True) -> list[Question]:
    """All questions of the BIRD folder, with evidence and, where given, difficulty; ids as `bird-dev-12`.

    Unless `complete`, databases may be missing.
    Raises InvalidFile: missing folder, question files or databases, malformed question.
    """
    require_folder(folder, "BIRD")
    found: list[Question] = []
    for split in SPLITS:
        path = _questions_file(folder, split)
        if path is not None:
            found += _read(path, split, _database_folders(path.parent, folder))
    if not found:
        raise InvalidFile(
            f"the BIRD folder {folder} and its subfolders have no train.json or dev.json; unpack the benchmark there"
        )
    if complete:
        require_databases(found, folder)
    return found


def _questions_file(folder: Path, split: str) -> Path | None:
    name = f"{split}.json"
    here = [folder / name, *sorted(folder.glob(f"*/{name}"))]
    return next((path for path in here if path.is_file()), None)


def _database_folders(*places: Path) -> list[Path]:
    return [found for place in dict.fromkeys(places) for found in sorted(place.glob("*database*")) if found.is_dir()]


def _read(path: Path, split: str, databases: list[Path]) -> list[Question]:
    if not databases:
        raise InvalidFile(f"there is no folder of databases beside {path}; unpack {split}_databases there")
    found = []
    for index, entry in enumerate(read_entries(path)):
        db_id = text_field(entry, "db_id", path, index)
        places = [folder / db_id / f"{db_id}.sqlite" for folder in databases]
        found.append(
            Question(
                id=f"bird-{split}-{index}",
                db_id=db_id,
                database=str(next((p for p in places if p.is_file()), places[0])),
                question=text_field(entry, "question", path, index).strip(),
                gold_sql=text_field(entry, "SQL", path, index).strip(),
                benchmark="bird",
                split=split,
                evidence=text_field(entry, "evidence", path, index, optional=True).strip(),
                hardness=text_field(entry, "difficulty", path, index, optional=True),
            )
        )
    return found
