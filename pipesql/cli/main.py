"""The command `pipesql`: which commands there are. The module of a command is imported when that command is used."""

from __future__ import annotations

import sys
from typing import Any

import click

from pipesql.cli.steps import COMMANDS as STEPS
from pipesql.errors import PipesqlError
from pipesql.version import __version__

COMMANDS = {
    "Queries": {
        "to-pipe": ("convert:to_pipe", "Convert standard SQL to pipe SQL."),
        "to-sql": ("convert:to_sql", "Convert pipe SQL to the standard SQL of an engine."),
        "run": ("query:run", "Run a pipe query on a database and print its rows."),
        "explain": ("query:explain", "Show the table after each operator of a pipe query."),
        "check": ("query:check", "Check a pipe query: its syntax, its names, and whether the engine can run it."),
        "canonical": ("query:canonical", "Print pipe SQL in its canonical form."),
    },
    "Models": {
        "ask": ("ask:ask", "Answer a question in English with a model."),
        "score": ("score:score", "Judge predictions by executing them."),
        "plan": ("plan:plan", "Forecast the memory and time of a training."),
        "recipes": ("plan:recipes", "List the training recipes."),
        "fetch-model": ("models:fetch_model", "Fetch the weights of a model."),
    },
    "Data": {
        "demo": ("data:demo", "Write the demo databases into a folder."),
        "fetch": ("data:fetch", "Download a public benchmark, check it and unpack it."),
        "samples": ("samples:samples", "Look at the training samples of a data folder."),
    },
    "Steps, each a run in MLflow": STEPS,
}
"""By heading and name: where in `pipesql.cli` the command is, and the sentence that `pipesql --help` shows."""

ALIASES = {"main": "pipeline"}
"""Other names that stay: MLproject calls the pipeline `main`."""

OLD_NAMES = {"format": ("canonical",), "preview": ("samples", "preview"), "layouts": ("samples", "layouts")}
"""Names of version 0.1, which work for one more release."""

EXTRAS = {
    "train": (
        "accelerate", "bitsandbytes", "datasets", "filelock", "gdown", "gguf", "jinja2", "llguidance", "matplotlib",
        "mlflow", "numpy", "optuna", "packaging", "peft", "psutil", "pynvml", "requests", "safetensors", "scipy",
        "sklearn", "tokenizers", "torch", "tqdm", "transformers", "trl",
    ),
    "databases": ("duckdb", "psycopg", "sqlalchemy"),
    "spark": ("pyspark",),
}  # fmt: skip
"""By extra of the package `pipesql`: the modules that it brings."""


class Commands(click.Group):
    """A group that imports a command when it is used, and reports our own errors as one sentence and an exit status."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of `--help`."""
        return [name for commands in COMMANDS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name, which may be an old one; None if there is none."""
        cmd_name = ALIASES.get(cmd_name, cmd_name)
        if cmd_name in OLD_NAMES:
            warn_of_old_name(cmd_name, " ".join(OLD_NAMES[cmd_name]))
        first, *rest = OLD_NAMES.get(cmd_name, (cmd_name,))
        place = next((commands[first][0] for commands in COMMANDS.values() if first in commands), None)
        if place is None:
            return None
        from importlib import import_module

        module, _, attribute = place.partition(":")
        command: click.Command | None = getattr(import_module(f"pipesql.cli.{module}"), attribute)
        for name in rest:
            command = command.get_command(ctx, name) if isinstance(command, click.Group) else None
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings, without importing any."""
        for heading, commands in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, sentence) for name, (_, sentence) in commands.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except PipesqlError as e:
            click.echo(f"error: {e}", err=True)
            ctx.exit(e.exit_code)
        except ModuleNotFoundError as e:
            missing = (e.name or "").partition(".")[0]
            extra = next((name for name, modules in EXTRAS.items() if missing in modules), None)
            if extra is None:
                raise
            click.echo(f"error: this needs the package {missing}: pip install 'pipesql[{extra}]'", err=True)
            ctx.exit(2)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="pipesql")
def main() -> None:
    """Pipe SQL: queries that read from top to bottom, in the order in which they run.

    \b
    FROM singer
    |> WHERE age > 30
    |> AGGREGATE COUNT(*) AS n GROUP BY town
    |> ORDER BY n DESC

    Convert it from and to standard SQL, run it on your databases, and teach language models to write it.
    """
    import logging

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings precede errors of ours that say more


def given_text(given: str | None) -> str:
    """The argument of a command, or without one what standard input holds."""
    return given if given is not None else sys.stdin.read()


def warn_of_old_name(old: str, new: str) -> None:
    """Say on standard error that a command has another name now."""
    click.echo(f"warning: `pipesql {old}` is now `pipesql {new}`; the old name goes with the next release", err=True)
