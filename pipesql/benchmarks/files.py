"""Your own questions and databases: a JSON Lines file, and a folder of SQLite and DuckDB files or a URL.

A line is an object with `question`, `sql` and `db`, and optionally `id`, `split`, `evidence` and `dialect`. A database
is the file `<db>` with one of `ENDINGS`, in the folder or in its subfolder `<db>`. In a URL, `{db}` is replaced by the
database's name; without it, all questions are about the one database of the URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipesql.benchmarks.subset import split_databases
from pipesql.errors import InvalidFile
from pipesql.execution.connection import dialect_of, is_url
from pipesql.records import Question
from pipesql.storage import read_json_lines

ENDINGS = (".sqlite", ".sqlite3", ".db", ".duckdb")
SPLITS = ("train", "dev")
REQUIRED = ("question", "sql", "db")
OPTIONAL = ("id", "split", "evidence", "dialect")


def questions(
    file: Path, databases: str, seed: int = 0, complete: bool = True, report: Callable[[str], object] = lambda _: None
) -> list[Question]:
    """The questions of a file, train before dev, each split in the file's order.

    Databases without a split in any line are put into one by `seed` (`split_databases`). Unless `complete`, a database
    may be missing; its path is then the expected one.
    Raises InvalidFile naming the line: not JSON, a missing, empty or unknown field, a duplicate id, a database that is
    missing or there twice, a dialect that is not its engine's, two splits of one database.
    """
    if not is_url(databases) and not Path(databases).is_dir():
        raise InvalidFile(
            f"the folder of databases {databases} does not exist; give a folder of database files, or a URL"
        )
    places: dict[str, str] = {}
    rows: list[tuple[dict[str, str], str]] = []
    for where, row in _lines(file):
        rows.append((row, where))
        if row["db"] not in places:
            places[row["db"]] = _place(row["db"], databases, complete, where)
        _check_dialect(row, places[row["db"]], where)
    if not rows:
        raise InvalidFile(
            f"{file} has no questions; write one JSON object per line with the fields {', '.join(REQUIRED)}"
        )
    _check_one_database(rows, databases)
    splits = split_databases(_given_splits(rows), places, seed)
    if len(places) == 1 and set(splits.values()) == {"train"}:
        report(f"all questions are about one database ({rows[0][0]['db']}), so all are in train and none in dev")
    found = [_question(row, places[row["db"]], splits[row["db"]]) for row, _ in rows]
    return sorted(found, key=lambda q: SPLITS.index(q.split))


def _question(row: dict[str, str], database: str, split: str) -> Question:
    return Question(
        id=row["id"],
        db_id=row["db"],
        database=database,
        question=row["question"],
        gold_sql=row["sql"],
        benchmark="files",
        split=split,
        evidence=row.get("evidence", ""),
    )


def _lines(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Each line's place and its fields as stripped texts, with an id."""
    seen: dict[str, str] = {}
    try:
        for number, entry in read_json_lines(file):
            where = f"{file}, line {number}"
            row = _fields(entry, where)
            row.setdefault("id", f"{file.stem}-{number}")
            if row["id"] in seen:
                raise InvalidFile(
                    f"{where}: the id {row['id']!r} is already used in {seen[row['id']]}; give each question its own id"
                )
            seen[row["id"]] = where
            yield where, row
    except UnicodeDecodeError as e:
        raise InvalidFile(f"{file}: not UTF-8 text (byte {e.start}); save it as UTF-8") from e


def _fields(entry: dict[str, Any], where: str) -> dict[str, str]:
    unknown = sorted(entry.keys() - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise InvalidFile(f"{where}: unknown field {unknown[0]!r}; the fields are {', '.join(REQUIRED + OPTIONAL)}")
    row = {}
    for name in (*REQUIRED, *OPTIONAL):
        value = entry.get(name)
        if value is None and name in OPTIONAL:
            continue
        if not isinstance(value, str) or not value.strip():
            fault = (
                "missing" if name not in entry else "empty" if isinstance(value, str) else f"{value!r:.40}, not text"
            )
            if name == "evidence" and fault == "empty":
                continue
            raise InvalidFile(f"{where}: the field {name!r} is {fault}; give it as text")
        row[name] = value.strip()
    if row.get("split", "train") not in SPLITS:
        raise InvalidFile(f"{where}: the split is {row['split']!r}; write {' or '.join(SPLITS)}, or leave it out")
    return row


def _place(name: str, databases: str, complete: bool, where: str) -> str:
    """The path or URL of the database of this name."""
    if is_url(databases):
        return databases.replace("{db}", name)
    if Path(name).name != name or name in (".", ".."):
        raise InvalidFile(
            f"{where}: the db {name!r} is not a plain name; write the database file's name without its ending"
        )
    folder = Path(databases)
    candidates = [place / f"{name}{ending}" for place in (folder, folder / name) for ending in ENDINGS]
    found = [path for path in candidates if path.is_file()]
    if len(found) > 1:
        raise InvalidFile(f"{where}: the db {name!r} exists twice, as {found[0]} and {found[1]}; keep one of them")
    if not found and complete:
        raise InvalidFile(
            f"{where}: the database {name!r} does not exist; put {name}.sqlite, .db or .duckdb into {folder} "
            f"or {folder / name}"
        )
    return str(found[0] if found else candidates[0])


def _check_dialect(row: dict[str, str], database: str, where: str) -> None:
    dialect = dialect_of(database)
    if row.get("dialect", dialect) != dialect:
        raise InvalidFile(
            f"{where}: the dialect is {row['dialect']}, but {database} is queried in {dialect}; gold is executed on "
            "its own database, so write it in that dialect"
        )


def _check_one_database(rows: list[tuple[dict[str, str], str]], databases: str) -> None:
    if not is_url(databases) or "{db}" in databases:
        return
    first = rows[0][0]["db"]
    for row, where in rows:
        if row["db"] != first:
            raise InvalidFile(
                f"{where}: the db is {row['db']!r}, in the first line {first!r}, but the URL names one database; "
                "write {db} in the URL in place of the database's name"
            )


def _given_splits(rows: list[tuple[dict[str, str], str]]) -> dict[str, str]:
    """The split of each database that has one in a line."""
    given: dict[str, tuple[str, str]] = {}
    for row, where in rows:
        split = row.get("split")
        if split is None:
            continue
        other, first = given.setdefault(row["db"], (split, where))
        if other != split:
            raise InvalidFile(
                f"{where}: the db {row['db']!r} is in the split {split} here and in {other} in {first}; "
                "put all questions of one database into the same split"
            )
    return {db: split for db, (split, _) in given.items()}
