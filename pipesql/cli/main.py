"""The command line: convert, run and format pipe SQL. Heavy modules are imported by the commands that need them."""

from __future__ import annotations

import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from pipesql import __version__
from pipesql.cli.stages import ask, plan, recipes, score
from pipesql.errors import BadInput, PipesqlError


class _Commands(click.Group):
    """A group whose commands report our own errors as one sentence and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PipesqlError as e:
            click.echo(f"error: {e}", err=True)
            ctx.exit(e.exit_code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="pipesql")
def main() -> None:
    """Pipe SQL (FROM t |> WHERE … |> AGGREGATE … GROUP BY …): convert from and to standard SQL, run, format."""
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings precede errors of ours that say more


for _command in (ask, plan, recipes, score):
    main.add_command(_command)

_pipe_dialect = click.Choice(["bigquery", "spark"])
_db = click.option(
    "--db",
    type=click.Path(path_type=Path),
    help="SQLite file whose schema says what names mean. Without it the query's own text must.",
)
_jsonl = click.option("--jsonl", is_flag=True, help="Read one JSON object a line, answer one a line, in order.")

_jobs = click.option(
    "--jobs",
    type=click.IntRange(min=0),
    default=0,
    help="Processes that answer the lines of a --jsonl of more than 1,000; without it one a core.",
)


@main.command("to-pipe")
@click.option("--from", "source", default="sqlite", show_default=True, help="Dialect of the standard SQL.")
@click.option(
    "--to", "target", default="bigquery", show_default=True, type=_pipe_dialect, help="Dialect of the pipe SQL."
)
@_db
@_jsonl
@_jobs
@click.option("--keep-names", is_flag=True, help="Keep the query's aliases and its spelling of names.")
@click.option("--explain", "with_origins", is_flag=True, help="Show which clause each operator comes from.")
@click.option("--json", "as_json", is_flag=True, help="With --explain: print one JSON object an operator.")
@click.argument("sql", required=False)
def to_pipe(
    source: str,
    target: str,
    db: Path | None,
    jsonl: bool,
    jobs: int,
    keep_names: bool,
    with_origins: bool,
    as_json: bool,
    sql: str | None,
) -> None:
    """Print standard SQL as pipe SQL. SQL is read from standard input when it is not given.

    With --jsonl: lines of {"id", "sql", "db"} become lines of {"id", "pipe_sql"} or {"id", "error"}.
    """
    if (with_origins and jsonl) or (as_json and not with_origins):
        raise BadInput("--explain is for one query, without --jsonl; --json belongs to --explain")
    if with_origins:
        from pipesql.cli.convert import print_steps, steps

        print_steps(list(steps(_text(sql), db, source, target, keep_names)), as_json)
        return
    from pipesql.cli.convert import standard_to_pipe
    from pipesql.cli.lines import answer_lines

    if jsonl:
        convert = partial(standard_to_pipe, source=source, target=target, keep_names=keep_names)
        answer_lines("sql", "pipe_sql", db, convert, jobs)
    else:
        click.echo(standard_to_pipe(_text(sql), db, source, target, keep_names))


@main.command("to-sql")
@click.option(
    "--from", "source", default="bigquery", show_default=True, type=_pipe_dialect, help="Dialect of the pipe SQL."
)
@click.option("--to", "target", default="sqlite", show_default=True, help="Dialect of the engine.")
@_db
@_jsonl
@_jobs
@click.argument("pipe", required=False)
def to_sql(source: str, target: str, db: Path | None, jsonl: bool, jobs: int, pipe: str | None) -> None:
    """Print pipe SQL as an engine's standard SQL. PIPE is read from standard input when it is not given.

    With --jsonl: lines of {"id", "pipe_sql", "db"} become lines of {"id", "sql"} or {"id", "error"}.
    """
    from pipesql.cli.convert import pipe_to_standard
    from pipesql.cli.lines import answer_lines

    if jsonl:
        answer_lines("pipe_sql", "sql", db, partial(pipe_to_standard, source=source, target=target), jobs)
    else:
        click.echo(pipe_to_standard(_text(pipe), db, source, target))


@main.command()
@click.option("--db", type=click.Path(path_type=Path), required=True, help="SQLite or DuckDB file, opened read-only.")
@click.option("--timeout", default=5.0, show_default=True, help="Seconds until the query is stopped.")
@click.option("--max-rows", default=1000, show_default=True, help="Refuse results of more rows than this.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a row.")
@click.argument("pipe", required=False)
def run(db: Path, timeout: float, max_rows: int, as_json: bool, pipe: str | None) -> None:
    """Run a pipe query on a database and print its rows."""
    from pipesql.cli.convert import pipe_to_standard
    from pipesql.cli.explain import print_rows
    from pipesql.execution.opening import open_database

    with open_database(db, timeout_s=timeout, max_rows=max_rows) as database:
        print_rows(database.run(pipe_to_standard(_text(pipe), db, "bigquery", database.dialect)), as_json)


@main.command()
@click.option("--db", type=click.Path(path_type=Path), required=True, help="SQLite or DuckDB file, opened read-only.")
@click.option("--rows", default=3, show_default=True, help="How many rows to show after each operator.")
@click.option("--timeout", default=5.0, show_default=True, help="Seconds until one operator's query is stopped.")
@click.option("--sql", "with_sql", is_flag=True, help="Show the standard SQL of each prefix too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object an operator.")
@click.argument("pipe", required=False)
def explain(db: Path, rows: int, timeout: float, with_sql: bool, as_json: bool, pipe: str | None) -> None:
    """Show the table after every operator of a pipe query, or the first operator that is wrong and why."""
    from pipesql.cli.explain import print_stages, stages

    if not print_stages(stages(_text(pipe), db, rows, timeout), as_json, with_sql):
        raise click.exceptions.Exit(1)


@main.command()
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), help="Where to put it. [default: output/benchmarks/…]"
)
@click.option("--mirror", multiple=True, help="A place to try before the known ones; may be given several times.")
@click.argument("benchmark", type=click.Choice(["spider", "bird"]))
def fetch(folder: Path | None, mirror: tuple[str, ...], benchmark: str) -> None:
    """Download a public benchmark (Spider 0.2 GB, BIRD 9 GB), check it and unpack it. Broken downloads are resumed."""
    from pipesql.benchmarks.fetch import fetch as fetch_benchmark

    fetch_benchmark(benchmark, folder, mirror, say=lambda line: click.echo(line, err=True))


_folder = click.argument("folder", type=click.Path(path_type=Path))
_tokenizer = click.option("--tokenizer", default="auto", show_default=True, help="A model's name or folder.")
_max_length = click.option("--max-length", default=2048, show_default=True, help="Longest sample, size of a pack.")


@main.command()
@click.option("--out", type=click.Path(path_type=Path), help="The page to write. [default: FOLDER/preview.html]")
@click.option("--limit", default=40, show_default=True, help="Samples of each split and layout to show.")
@_tokenizer
@_max_length
@_folder
def preview(out: Path | None, limit: int, tokenizer: str, max_length: int, folder: Path) -> None:
    """Show the samples of a data folder as one HTML page, with what the loss falls on coloured token by token."""
    from pipesql.cli import samples

    click.echo(samples.preview(folder, out or folder / "preview.html", limit, tokenizer, max_length))


@main.command()
@_folder
def check(folder: Path) -> None:
    """Hold a data folder's samples against its pairs; execute every prefix and every tool's call again."""
    from pipesql.cli import samples

    text, sound = samples.check(folder)
    click.echo(text)
    if not sound:
        raise click.exceptions.Exit(1)


@main.command()
@_tokenizer
@_max_length
@_folder
def layouts(tokenizer: str, max_length: int, folder: Path) -> None:
    """Count what a data folder's pairs cost in each layout of samples, in tokens."""
    from pipesql.cli import samples

    found, name = samples.costs(folder, tokenizer, max_length)
    click.echo(samples.costs_text(found, name, max_length))


@main.command("format")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def format_(file: Path | None) -> None:
    """Print pipe SQL in canonical form: one operator a line, comments above it. Reads FILE, or standard input."""
    from pipesql.pipe.canonical import format_query

    click.echo(format_query(_read(file) if file else _text(None)))


def _text(given: str | None) -> str:
    return given if given is not None else sys.stdin.read()


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise BadInput(f"cannot read {file}: {getattr(e, 'strerror', None) or 'it is not UTF-8 text'}") from e
