"""`python -m tests.conformance.normal_form GOLDS …`: whether gold queries that say the same give one and the same text.

GOLDS is the folder of Spider 1.0, or a file of JSON Lines of `sql` and `db_id` with `database/<db_id>/<db_id>.sqlite`
beside it.
Of every gold's pipe text it checks that

- every identifier is spelt as in the schema, or as the alias that it refers to;
- no range variable has another name than its table's while the table occurs once in sight;
- the gold in random case, with other table aliases, and with its identifiers in quotes gives the very same text.

Then it counts how many distinct texts the golds of each database are, and how many their pipe texts. The exit status is
1 if anything was found.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlglot import exp

from pipesql.decompile import decompile
from pipesql.errors import PipesqlError
from pipesql.execution.database import Database
from pipesql.pipe import operators as op
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.query import PipeQuery, nested, nested_queries
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.resolving.resolve import resolve_names
from pipesql.pipe.resolving.resolved import Resolved
from pipesql.pipe.schema import Schema
from pipesql.pipe.walk import expressions, own_parts
from tests.support.queries.variants import plain, variants


@dataclass
class Gold:
    """A gold query and the database that it is asked of."""

    id: str
    sql: str
    database: Path


@dataclass
class Report:
    """What was found; texts are counted a database."""

    golds: int = 0
    refused: int = 0
    variants: int = 0
    texts: set[tuple[str, str]] = field(default_factory=set)
    trivial: set[tuple[str, str]] = field(default_factory=set)
    pipes: set[tuple[str, str]] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = Counter(v.split(":", 1)[0] for v in self.violations)
        return "\n".join(
            [
                f"golds                                  {self.golds} (refused: {self.refused})",
                f"distinct gold texts                    {len(self.texts)}",
                f"distinct after trivial normalisation   {len(self.trivial)}",
                f"distinct pipe texts                    {len(self.pipes)}",
                f"saved by the normal form               {len(self.texts) - len(self.pipes)} texts, "
                f"{len(self.trivial) - len(self.pipes)} beyond trivial normalisation",
                f"variants with the very same text       {self.variants}",
                f"violations                             {len(self.violations)} {dict(kinds) or ''}".rstrip(),
            ]
        )


def golds(path: Path) -> Iterator[Gold]:
    """The gold queries of Spider's folder, or of a file of JSON Lines."""
    if path.is_dir():
        rows = [
            (f"{name}-{i}", entry["query"], entry["db_id"])
            for name in ("dev", "train_spider", "train_others")
            for i, entry in enumerate(json.loads((path / f"{name}.json").read_text(encoding="utf-8")))
        ]
        folder = path / "database"
    else:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        rows = [(f"{path.stem}-{i}", line["sql"], line["db_id"]) for i, line in enumerate(lines)]
        folder = path.parent / "database"
    for identity, sql, db in rows:
        yield Gold(identity, sql, folder / db / f"{db}.sqlite")


def check(gold: Gold, schema: Schema, report: Report, seed: int) -> None:
    """Take one gold into the report."""
    report.golds += 1
    try:
        text = print_query(decompile(gold.sql, schema))
    except PipesqlError:
        report.refused += 1
        return
    database = gold.database.stem
    report.texts.add((database, gold.sql))
    report.trivial.add((database, trivial(gold.sql)))
    report.pipes.add((database, text))
    query = parse(text)
    found = [*misspelt(resolve_names(query, schema), schema), *renamed(query, schema)]
    report.violations += [f"{v} in {gold.id}\n    {text}" for v in found]
    again = print_query(decompile(plain(gold.sql), schema))
    for kind, sql in [("plain", plain(gold.sql)), *variants(gold.sql, schema, seed)]:
        try:
            other = again if kind == "plain" else print_query(decompile(sql, schema))
        except PipesqlError as e:
            other = f"error: {e}"
        report.variants += other == text
        if other != text:
            report.violations.append(f"{kind}: other text for {gold.id}\n    {sql}\n    {text}\n    {other}")


def trivial(sql: str) -> str:
    """The query in small letters, with single spaces and no semicolon, outside of quotes."""
    parts = re.split(r"('[^']*'|\"[^\"]*\")", sql.strip().rstrip(";"))
    return "".join(p if i % 2 else re.sub(r"\s+", " ", p.lower()) for i, p in enumerate(parts)).strip()


def misspelt(resolved: Resolved, schema: Schema) -> Iterator[str]:
    """The names in a query, nested ones included, that are written otherwise than what they refer to."""
    names = {t.name.lower(): t.name for t in schema} | {c.name.lower(): c.name for c in resolved.query.ctes}
    for operator in resolved.query.operators:
        for node in expressions(operator, own_parts):
            for table in node.find_all(exp.Table):
                if table.name != names.get(table.name.lower(), table.name):
                    yield f"spelling: {table.name}"
            for column in node.find_all(exp.Column):
                found = resolved.columns.get(id(column))
                if found is not None and column.name != found.name:
                    yield f"spelling: {column.name} for {found.name}"
    for scope in resolved.scopes:
        for column in scope.columns:
            own = column.origin[1] if column.origin is not None else column.name
            if own != column.name and own.lower() == column.name.lower():
                yield f"spelling: {column.name} for {own}"
    bodies = [part.body for part in resolved.ctes.values() if part.body is not None]
    for inner in (*resolved.nested.values(), *bodies):
        yield from misspelt(inner, schema)


def renamed(query: PipeQuery, schema: Schema, around: tuple[str, ...] = ()) -> Iterator[str]:
    """Range variables that have another name than their table, which occurs once in sight."""
    sources = [o.source for o in query.operators if isinstance(o, op.From | op.Join)]
    tables = [s.name.lower() for s in sources if isinstance(s, exp.Table)]
    seen = (*around, *tables)
    for source in sources:
        alias = source.alias if isinstance(source, exp.Table) else ""
        if alias and alias != source.name and seen.count(source.name.lower()) == 1:
            yield f"variable: {alias} for {source.name}"
    for cte in query.ctes:
        yield from renamed(cte.query, schema, around)
    for operator in query.operators:
        for node in expressions(operator, own_parts):
            inside = around if isinstance(operator, op.From | op.Join) and nested(node.this) is not None else seen
            for _, inner in nested_queries(node):
                yield from renamed(inner, schema, inside)
        for inner in operator.queries if isinstance(operator, op.SetOperation) else ():
            yield from renamed(inner, schema, around)


def main(arguments: list[str] | None = None) -> int:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golds", type=Path, nargs="+")
    parser.add_argument("--seed", type=int, default=1, help="of the variants' case (1)")
    parser.add_argument("--show", type=int, default=10, help="how many violations are shown (10)")
    options = parser.parse_args(arguments)
    report = Report()
    for path in options.golds:
        for number, gold in enumerate(golds(path)):
            check(gold, Database(gold.database).schema, report, options.seed + number)
    for violation in report.violations[: options.show]:
        print(violation)
    print(report)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
