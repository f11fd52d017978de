"""Every construct, as readable text: gold, pipe, lowered SQL and rows (see golden/*.sql).

To add a case, write `--- case: NAME`, `--- gold` and the query into a file there, and let the rest be filled in:
`PIPESQL_UPDATE_GOLDEN=1 pytest tests/pipe/test_golden.py -s` rewrites the files and prints what has changed.
Read that before committing it.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

from pipesql.decompile import decompile
from pipesql.errors import SqlError
from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from tests.support import golden_cases
from tests.support.golden_cases import Case
from tests.support.oracles import googlesql

UPDATE = bool(os.environ.get("PIPESQL_UPDATE_GOLDEN"))
CASES = [
    pytest.param(case, id=f"{path.stem}: {case.name}")
    for path in golden_cases.files()
    for case in golden_cases.read(path)
]


@pytest.fixture(scope="session")
def database(tmp_path_factory) -> Path:
    return golden_cases.build(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="session")
def engines(database):
    opened = golden_cases.Engines(database)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def run(engines):
    def rows(sql: str, dialect: str) -> list[tuple]:
        try:
            return engines.run(sql, dialect)
        except ModuleNotFoundError as e:
            pytest.skip(str(e))

    return rows


@pytest.fixture(scope="session")
def google(database) -> googlesql.Executor:
    return googlesql.executor(database)


def made(parts: dict[str, str], database: Path, run) -> dict[str, str]:
    """The parts of a case as they are now."""
    schema, gold, dialect = Database(database).schema, parts["gold"], parts.get("dialect", "sqlite")
    head = {"dialect": dialect, "gold": gold} if "dialect" in parts else {"gold": gold}
    try:
        pipe = print_query(decompile(gold, schema, dialect))
    except SqlError as e:
        return {**head, "refused": str(e)}
    rows = golden_cases.shown(run(gold, dialect))
    elsewhere = {name: parts[name] for name in ("google", "spark") if name in parts}
    return {**head, "pipe": pipe, "sql": lower(parse(pipe), schema, dialect), "rows": rows, **elsewhere}


@pytest.mark.skipif(UPDATE, reason="the cases are being rewritten")
@pytest.mark.parametrize("case", CASES)
def test_case(case: Case, database, run) -> None:
    now = made(case.parts, database, run)
    assert now == case.parts
    if "refused" in now:
        return
    schema = Database(database).schema
    assert print_query(parse(now["pipe"])) == now["pipe"]
    dialect = now.get("dialect", "sqlite")
    gold, back = run(now["gold"], dialect), run(now["sql"], dialect)
    assert sorted(map(repr, back)) == sorted(map(repr, gold))
    if "ORDER BY" in now["gold"] and resolve(parse(now["pipe"]), schema)[-1].ordered:
        assert back == gold
    for prefix in parse(now["pipe"]).prefixes():
        run(lower(prefix, schema, dialect), dialect)


@pytest.mark.skipif(UPDATE, reason="the cases are being rewritten")
@pytest.mark.parametrize("case", [case for case in CASES if "pipe" in case.values[0].parts])
def test_google_gives_the_same_rows(case: Case, database, engines, google) -> None:
    pipe, refusal = case.parts["pipe"], case.parts.get("google")
    if refusal:
        with pytest.raises(googlesql.GoogleSqlError, match=refusal):
            google.run(pipe)
        return
    rows = google.run(pipe)
    ordered = resolve(parse(pipe), Database(database).schema)[-1].ordered
    assert golden_cases.same(case, rows, ordered, engines), f"Google's rows are {rows}"


@pytest.mark.skipif(not UPDATE, reason="set PIPESQL_UPDATE_GOLDEN=1 to rewrite the cases")
def test_update(database, run) -> None:
    for path in golden_cases.files():
        old = path.read_text(encoding="utf-8")
        cases = [Case(c.name, made(c.parts, database, run)) for c in golden_cases.read(path)]
        new = golden_cases.text(cases)
        print("".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), path.name, path.name)))
        path.write_text(new, encoding="utf-8")
