"""`python -m tests.conformance.spark`: the golden cases in Spark 4, as pipe text and as lowered standard SQL.

Each case's pipe text, printed for Spark, runs there natively; so does what it is lowered to for Spark; both must give
the rows that SQLite gives for the gold. Needs the package `pyspark` (4 or later) and Java 17; a session takes fifteen
seconds to start. Ends with status 1 if rows differ or Spark refuses a text; what pipesql refuses to say in Spark's
dialect is listed by construct, and a case may say what Spark itself refuses in it (`--- spark`).
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipesql.errors import UnsupportedSql
from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.schema import Schema, Table
from tests.support import golden_cases
from tests.support.golden_cases import Case

EXPECTED = "refused by Spark, as the case says"
_TYPES = {int: "BIGINT", float: "DOUBLE", str: "STRING"}


class Spark:
    """The tables of a SQLite file in a Spark session of one thread, as views."""

    def __init__(self, path: Path) -> None:
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[1]").appName("pipesql")
        for key, value in {"ui.enabled": "false", "sql.shuffle.partitions": "1", "log.level": "OFF"}.items():
            builder = builder.config(f"spark.{key}", value)
        self.session = builder.getOrCreate()
        connection = sqlite3.connect(path)
        for table in Database(path).schema:
            self._load(table, connection)
        connection.close()

    def _load(self, table: Table, connection: sqlite3.Connection) -> None:
        """One table; a column is of the type of its values, of its declared type if it has none."""
        rows = connection.execute(f'SELECT * FROM "{table.name}"').fetchall()
        types = []
        for number, column in enumerate(table.columns):
            found = {type(row[number]) for row in rows} - {type(None)}
            declared = {"int": int, "real": float}.get(column.kind, str)
            types.append(_TYPES[float if found == {int, float} else found.pop() if found else declared])
        described = ", ".join(f"`{c.name}` {kind}" for c, kind in zip(table.columns, types, strict=True))
        self.session.createDataFrame(rows, described).createOrReplaceTempView(f"`{table.name}`")

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query; booleans as 0 and 1, decimals as numbers. Raises whatever Spark raises."""
        return [tuple(map(_plain, row)) for row in self.session.sql(sql).collect()]

    def stop(self) -> None:
        """End the session."""
        self.session.stop()


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return value if value is None or isinstance(value, int | float | str) else float(value)


def cases() -> Iterator[tuple[str, Case]]:
    """The golden cases that have a pipe form, each with its name."""
    for path in golden_cases.files():
        for case in golden_cases.read(path):
            if "pipe" in case.parts:
                yield f"{path.stem}: {case.name}", case


def forms(case: Case, schema: Schema) -> Iterator[tuple[str, str]]:
    """(kind, text) of what Spark must run, or `refused` and the construct."""
    query = parse(case.parts["pipe"])
    for kind, write in (
        ("pipe", lambda: print_query(query, "spark")),
        ("standard", lambda: lower(query, schema, "spark")),
    ):
        try:
            yield kind, write()
        except UnsupportedSql as e:
            yield "refused", f"{kind}: {e.construct}"


def fault(text: str, case: Case, spark: Spark, engines: golden_cases.Engines, schema: Schema) -> str:
    """What is wrong with what Spark makes of a text of a case, nothing, or EXPECTED."""
    from pyspark.errors import PySparkException

    try:
        rows = spark.run(text)
    except PySparkException as e:
        expected = case.parts.get("spark", "nothing")
        return EXPECTED if expected in str(e) else f"Spark refuses it: {' '.join(str(e).split())[:200]}"
    ordered = resolve(parse(case.parts["pipe"]), schema)[-1].ordered
    if golden_cases.same(case, rows, ordered, engines):
        return ""
    return f"{rows[:4]} instead of {case.parts['rows'].splitlines()[:4]}"


def main() -> int:
    """The command."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = golden_cases.build(Path(folder))
        spark, schema, engines = Spark(path), Database(path).schema, golden_cases.Engines(path)
        for name, case in cases():
            for kind, text in forms(case, schema):
                if kind == "refused":
                    counts[f"refused: {text}"] += 1
                    continue
                wrong = fault(text, case, spark, engines, schema)
                counts[f"{kind}: {wrong if wrong == EXPECTED else 'WRONG' if wrong else 'same rows'}"] += 1
                if wrong not in ("", EXPECTED):
                    print(f"{name}, {kind}: {wrong}\n    {case.parts['gold']}\n    {text}".replace("\n|>", " |>"))
        engines.close()
        spark.stop()
    for kind, number in counts.most_common():
        print(f"{number:5} {kind}")
    return int(any("WRONG" in kind for kind in counts))


if __name__ == "__main__":
    sys.exit(main())
