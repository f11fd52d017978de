"""`pipesql to-pipe` and `pipesql to-sql`: one query, or JSON Lines of many."""

from __future__ import annotations

from functools import partial

import click

from pipesql.cli.main import given_text
from pipesql.errors import InvalidOption

_pipe_dialect = click.Choice(["bigquery", "spark"])
_db = click.option(
    "--db",
    metavar="DATABASE",
    help="SQLite or DuckDB file, or a URL, whose schema says which table a column belongs to. Without it the query "
    "itself must say so.",
)
_jsonl = click.option("--jsonl", is_flag=True, help="Read one JSON object per line and answer each with one, in order.")
_jobs = click.option(
    "--jobs",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    show_default="one per core",
    help="With --jsonl: processes that share the lines after the first 1,000.",
)


@click.command("to-pipe")
@click.option("--from", "source", default="sqlite", show_default=True, help="Dialect of the standard SQL.")
@click.option(
    "--to", "target", default="bigquery", show_default=True, type=_pipe_dialect, help="Dialect of the pipe SQL."
)
@_db
@click.option("--keep-names", is_flag=True, help="Keep the query's aliases and its spelling of names.")
@click.option("--explain", "with_origins", is_flag=True, help="Show which clause each operator comes from.")
@click.option("--json", "as_json", is_flag=True, help="With --explain: print one JSON object per operator.")
@_jsonl
@_jobs
@click.argument("sql", required=False)
def to_pipe(
    source: str,
    target: str,
    db: str | None,
    jsonl: bool,
    jobs: int,
    keep_names: bool,
    with_origins: bool,
    as_json: bool,
    sql: str | None,
) -> None:
    """Convert standard SQL to pipe SQL.

    SQL is read from standard input when it is not given. With --jsonl, lines of {"id", "sql", "db"} become lines of
    {"id", "pipe_sql"} or {"id", "error"}.

    \b
    pipesql to-pipe --db music.sqlite "SELECT name FROM singer WHERE age > 30"
    """
    from pipesql.api import convert

    if (with_origins and jsonl) or (as_json and not with_origins):
        raise InvalidOption("--explain is for one query, without --jsonl; --json belongs to --explain")
    if with_origins:
        from pipesql.cli.table import print_origins

        found = convert.origins(given_text(sql), db, dialect=source, pipe_dialect=target, keep_names=keep_names)
        print_origins(list(found), as_json)
        return
    converted = partial(convert.to_pipe, dialect=source, pipe_dialect=target, keep_names=keep_names)
    if jsonl:
        from pipesql.cli.lines import answer_lines

        answer_lines("sql", "pipe_sql", db, converted, jobs)
    else:
        click.echo(converted(given_text(sql), db))


@click.command("to-sql")
@click.option(
    "--from", "source", default="bigquery", show_default=True, type=_pipe_dialect, help="Dialect of the pipe SQL."
)
@click.option("--to", "target", default="sqlite", show_default=True, help="Dialect of the engine.")
@_db
@_jsonl
@_jobs
@click.argument("pipe", required=False)
def to_sql(source: str, target: str, db: str | None, jsonl: bool, jobs: int, pipe: str | None) -> None:
    """Convert pipe SQL to the standard SQL of an engine.

    PIPE is read from standard input when it is not given. With --jsonl, lines of {"id", "pipe_sql", "db"} become lines
    of {"id", "sql"} or {"id", "error"}.

    \b
    pipesql to-sql --db music.sqlite --to duckdb "FROM singer |> WHERE age > 30 |> SELECT name"
    """
    from pipesql.api import convert

    converted = partial(convert.to_sql, dialect=target, pipe_dialect=source)
    if jsonl:
        from pipesql.cli.lines import answer_lines

        answer_lines("pipe_sql", "sql", db, converted, jobs)
    else:
        click.echo(converted(given_text(pipe), db))
