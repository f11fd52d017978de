"""Commands on one pipe query: `pipesql run`, `explain`, `check` and `canonical`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pipesql.cli.main import given_text, warn_of_old_name
from pipesql.errors import InvalidFile, SqlError

_database = click.option(
    "--db", metavar="DATABASE", required=True, help="SQLite or DuckDB file, or a URL; it is only read."
)
_timeout = click.option(
    "--timeout", default=5.0, show_default=True, metavar="SECONDS", help="Stop a query that runs longer than this."
)


@click.command()
@_database
@_timeout
@click.option("--max-rows", default=1000, show_default=True, help="Refuse a result that has more rows than this.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per row.")
@click.argument("pipe", required=False)
def run(db: str, timeout: float, max_rows: int, as_json: bool, pipe: str | None) -> None:
    """Run a pipe query on a database and print its rows.

    PIPE is read from standard input when it is not given.

    \b
    pipesql run --db music.sqlite "FROM singer |> WHERE age > 30 |> SELECT name"
    """
    from pipesql.api.execute import run as run_query
    from pipesql.cli.table import print_rows

    print_rows(run_query(given_text(pipe), db, timeout_s=timeout, max_rows=max_rows), as_json)


@click.command()
@_database
@click.option("--rows", default=3, show_default=True, help="Rows to show after each operator.")
@_timeout
@click.option("--sql", "with_sql", is_flag=True, help="Show the standard SQL of each prefix, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per operator.")
@click.argument("pipe", required=False)
def explain(db: str, rows: int, timeout: float, with_sql: bool, as_json: bool, pipe: str | None) -> None:
    """Show the table after each operator of a pipe query.

    A query that fails is shown up to the operator that fails, with the reason; the exit status is then 1. PIPE is read
    from standard input when it is not given.

    \b
    pipesql explain --db music.sqlite "FROM singer |> WHERE age > 30 |> SELECT name"
    """
    from pipesql.api.execute import explain as prefixes_of
    from pipesql.cli.table import print_prefixes

    if not print_prefixes(prefixes_of(given_text(pipe), db, rows=rows, timeout_s=timeout), as_json, with_sql):
        raise click.exceptions.Exit(1)


@click.command()
@click.option("--db", metavar="DATABASE", help="SQLite or DuckDB file, or a URL, whose schema the names must be in.")
@click.option("--run", "execute", is_flag=True, help="Run the query on the database, too.")
@click.option("--to", "target", default="", show_default="the database's, else sqlite", help="Dialect of the engine.")
@_timeout
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("pipe", required=False)
def check(db: str | None, execute: bool, target: str, timeout: float, as_json: bool, pipe: str | None) -> None:
    """Check a pipe query: its syntax, its names, and whether the engine can run it.

    Prints what the query returns and what is worth a second look. An error names the operator; the exit status is then
    1. PIPE is read from standard input when it is not given.

    \b
    pipesql check --db music.sqlite "FROM singer |> WHERE age > 30 |> SELECT name"
    """
    if pipe is not None and os.path.isdir(pipe):  # noqa: PTH112  Path.is_dir raises for a long query
        from pipesql.cli.samples import check as check_samples

        warn_of_old_name(f"check {pipe}", f"samples check {pipe}")
        click.get_current_context().invoke(check_samples, folder=Path(pipe))
        return
    from pipesql.api.check import check as check_query
    from pipesql.cli.table import counted, print_json

    text = given_text(pipe)
    try:
        found = check_query(text, db, run=execute, dialect=target, timeout_s=timeout)
    except SqlError as error:
        if not as_json:
            raise
        print_json(_failure(error))
        raise click.exceptions.Exit(1) from None
    if as_json:
        print_json({"ok": True, **asdict(found)})
        return
    rows = "" if found.row_count is None else f", {counted(found.row_count, 'row')}"
    order = "ordered" if found.ordered else "in no order"
    columns = ", ".join(name or "(unnamed)" for name in found.columns)
    click.echo(f"ok: {counted(len(found.operators), 'operator')}{rows}, {order}; columns: {columns or '(all)'}")
    for finding in found.findings:
        place = f"operator {finding.operator}: " if finding.operator else ""
        click.echo(f"note: {place}{finding.text}")


def _failure(error: SqlError) -> dict[str, Any]:
    """A query that does not hold, as JSON: operators count from 1, positions in characters from 0."""
    return {"ok": False, "error": str(error), "operator": error.operator, "position": error.position}


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
def canonical(file: Path | None) -> None:
    """Print pipe SQL in its canonical form.

    One operator per line, comments above it. The query is read from FILE, or from standard input.

    \b
    echo "from singer |> where age>30" | pipesql canonical
    """
    from pipesql.api.convert import canonical as canonical_form

    click.echo(canonical_form(_read(file) if file else given_text(None)))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise InvalidFile(f"cannot read {file}: {getattr(e, 'strerror', None) or 'it is not UTF-8 text'}") from e
