"""Your own questions and databases: a JSON Lines file, and a folder of SQLite and DuckDB files or a URL.

A line is an object with `question`, `sql` and `db`, and where you like `id`, `split`, `evidence` and `dialect`. A
database is found as `<db>` with one of `ENDINGS`, in the folder or in a folder `<db>` of it. In a URL `{db}` stands for
the database's name; without it, all questions are about the one database that the URL names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipesql.benchmarks.subset import split_databases
from pipesql.errors import BadInput
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

    Databases for which no line names a split are put into one by `seed` (`seeded_split`). Unless `complete`, a
    database may be missing; its path is then where it would be.
    Raises BadInput naming the line: no JSON, a missing, empty or unknown field, an id given twice, a database that is
    missing or there twice, a dialect that is not its engine's, two splits of one database.
    """
    if not is_url(databases) and not Path(databases).is_dir():
        raise BadInput(f"the folder of databases {databases} does not exist; give a folder of database files, or a URL")
    places: dict[str, str] = {}
    rows: list[tuple[dict[str, str], str]] = []
    for where, row in _lines(file):
        rows.append((row, where))
        if row["db"] not in places:
            places[row["db"]] = _place(row["db"], databases, complete, where)
        _check_dialect(row, places[row["db"]], where)
    if not rows:
        raise BadInput(f"{file} holds no questions; write one JSON object a line: {', '.join(REQUIRED)}")
    _check_one_database(rows, databases)
    splits = split_databases(_given_splits(rows), places, seed)
    if len(places) == 1 and set(splits.values()) == {"train"}:
        report(f"all questions are about one database ({rows[0][0]['db']}), so all are for training and none for dev")
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
                raise BadInput(f"{where}: the id {row['id']!r} is that of {seen[row['id']]} too; give each its own")
            seen[row["id"]] = where
            yield where, row
    except UnicodeDecodeError as e:
        raise BadInput(f"{file}: not UTF-8 text (byte {e.start}); save it as UTF-8") from e


def _fields(entry: dict[str, Any], where: str) -> dict[str, str]:
    unknown = sorted(entry.keys() - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise BadInput(f"{where}: the field {unknown[0]!r} is unknown; fields are {', '.join(REQUIRED + OPTIONAL)}")
    row = {}
    for name in (*REQUIRED, *OPTIONAL):
        value = entry.get(name)
        if value is None and name in OPTIONAL:
            continue
        if not isinstance(value, str) or not value.strip():
            fault = "missing" if name not in entry else "empty" if isinstance(value, str) else f"{value!r:.40}, no text"
            if name == "evidence" and fault == "empty":
                continue
            raise BadInput(f"{where}: the field {name!r} is {fault}; give it as text")
        row[name] = value.strip()
    if row.get("split", "train") not in SPLITS:
        raise BadInput(f"{where}: the split is {row['split']!r}; write {' or '.join(SPLITS)}, or leave it out")
    return row


def _place(name: str, databases: str, complete: bool, where: str) -> str:
    """Where the database of that name is."""
    if is_url(databases):
        return databases.replace("{db}", name)
    if Path(name).name != name or name in (".", ".."):
        raise BadInput(f"{where}: the db {name!r} is no plain name; write the database file's name without its ending")
    folder = Path(databases)
    candidates = [place / f"{name}{ending}" for place in (folder, folder / name) for ending in ENDINGS]
    found = [path for path in candidates if path.is_file()]
    if len(found) > 1:
        raise BadInput(f"{where}: the db {name!r} is there twice, as {found[0]} and {found[1]}; keep one of them")
    if not found and complete:
        raise BadInput(
            f"{where}: there is no database {name!r}; put {name}.sqlite, .db or .duckdb into {folder} "
            f"or {folder / name}"
        )
    return str(found[0] if found else candidates[0])


def _check_dialect(row: dict[str, str], database: str, where: str) -> None:
    dialect = dialect_of(database)
    if row.get("dialect", dialect) != dialect:
        raise BadInput(
            f"{where}: the sql is said to be {row['dialect']}, but {database} is asked in {dialect}; "
            "gold is executed on its own database, so write it in that dialect"
        )


def _check_one_database(rows: list[tuple[dict[str, str], str]], databases: str) -> None:
    if not is_url(databases) or "{db}" in databases:
        return
    first = rows[0][0]["db"]
    for row, where in rows:
        if row["db"] != first:
            raise BadInput(
                f"{where}: the db is {row['db']!r}, that of the first line {first!r}, but the URL names one database; "
                "write {db} in the URL where the database's name stands"
            )


def _given_splits(rows: list[tuple[dict[str, str], str]]) -> dict[str, str]:
    """The split of each database for which a line gives one."""
    given: dict[str, tuple[str, str]] = {}
    for row, where in rows:
        split = row.get("split")
        if split is None:
            continue
        other, first = given.setdefault(row["db"], (split, where))
        if other != split:
            raise BadInput(
                f"{where}: the split of the db {row['db']!r} is {split} here and {other} in {first}; "
                "all questions of one database share a split"
            )
    return {db: split for db, (split, _) in given.items()}
