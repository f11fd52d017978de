"""`pipesql ask`: a question in English, answered by a model operator by operator, with the rows after each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from pipesql.chat.template import common_prefix
from pipesql.cli.table import aligned, prefix_text, print_json

if TYPE_CHECKING:
    from pipesql.api.ask import Answer
    from pipesql.execution.database import Database

UNSURE = 0.5
"""An answer is called unsure below this confidence or, where there is none, below this probability of its text."""


@click.command()
@click.option("--db", metavar="DATABASE", required=True, help="SQLite or DuckDB file, or a URL; it is only read.")
@click.option(
    "--model",
    default="champion",
    show_default=True,
    help="A registered version (alias or number), a model's name, hub id or folder.",
)
@click.option(
    "--remote", default="", metavar="URL", help="Server (http://…/v1) of OpenAI's chat completions that has --model."
)
@click.option("--endpoint", default="", hidden=True)
@click.option("--evidence", default="", help="What else the model should know, in a sentence.")
@click.option("--mode", default="greedy", show_default=True, help="greedy, beam, vote (of several answers) or agent.")
@click.option("--samples", default=8, show_default=True, help="With --mode vote: answers that are drawn.")
@click.option("--beams", default=4, show_default=True, help="With --mode beam: hypotheses that are followed.")
@click.option("--free", is_flag=True, help="Decode without the constraint, which allows only what the database has.")
@click.option("--layout", show_default="the one that the model was trained with", help="folded, tree or steps.")
@click.option(
    "--values",
    type=int,
    metavar="N",
    show_default="as the model was trained, else 0",
    help="Values of each column in the prompt.",
)
@click.option("--rows", default=3, show_default=True, help="Rows to show after each operator.")
@click.option(
    "--timeout", default=5.0, show_default=True, metavar="SECONDS", help="Stop a query that runs longer than this."
)
@click.option("--json", "as_json", is_flag=True, help="Print only one JSON object, at the end.")
@click.argument("question")
def ask(
    db: str,
    model: str,
    remote: str,
    endpoint: str,
    evidence: str,
    mode: str,
    samples: int,
    beams: int,
    free: bool,
    layout: str | None,
    values: int | None,
    rows: int,
    timeout: float,
    as_json: bool,
    question: str,
) -> None:
    """Answer a question in English with a model.

    Shows each operator as the model writes it, with the table after it; then the pipe SQL, the engine's SQL, the rows
    and how sure the model is. The exit status is 1 where no answer runs.

    \b
    pipesql ask --db music.sqlite "Who is over 30?"
    """
    from pipesql.api import database_of
    from pipesql.api.ask import load

    database = database_of(db, timeout)
    _ = database.schema  # a wrong path is reported before a model is loaded
    if endpoint:
        click.echo("warning: option endpoint is now called remote; use the new name", err=True)
    answering = load(model, remote=remote or endpoint)
    given: dict[str, Any] = {"mode": mode, "samples": samples, "beams": beams, "constrained": not free}
    given |= {name: value for name, value in (("layout", layout), ("values", values)) if value is not None}
    shown = Shown(database, rows)
    answer = answering.ask(
        database,
        question,
        evidence=evidence,
        config=replace(answering.config, **given),
        on_operators=None if as_json else shown.follow,
    )
    if as_json:
        print_json(asdict(answer))
    else:
        if answer.stop == "done":
            shown.follow(answer.operators)  # a vote may have chosen another answer than the one that was shown
        print_answer(answer, database.dialect)
    if answer.error:
        raise click.exceptions.Exit(1)


@dataclass
class Shown:
    """The part of an answer that is on the terminal. A line says which operators were taken back."""

    database: Database
    rows: int
    operators: tuple[str, ...] = ()

    def follow(self, operators: Sequence[str]) -> None:
        """Show what is new."""
        from pipesql.api.execute import last_prefix

        now = tuple(operators)
        same = common_prefix([now, self.operators])
        if same < len(self.operators):
            gone = ", ".join(str(number) for number in range(same + 1, len(self.operators) + 1))
            click.echo(click.style(f"↩  taken back: operator {gone}\n", dim=True))
        for end in range(same + 1, len(now) + 1):
            click.echo(prefix_text(last_prefix(now[:end], self.database, self.rows)))
        self.operators = now


def print_answer(answer: Answer, dialect: str) -> None:
    """Print pipe SQL, engine SQL, rows, and how sure the model is."""
    click.echo(click.style("pipe SQL", bold=True) + f"\n{answer.pipe_sql}\n")
    if answer.error:
        click.echo(click.style("no answer", fg="red", bold=True) + f": {answer.error}")
        return
    click.echo(click.style(f"SQL for {dialect}", bold=True) + f"\n{answer.sql}\n")
    click.echo(click.style("result", bold=True))
    for line in aligned(answer.columns, answer.rows):
        click.echo(line)
    click.echo(f"\n{doubts(answer)}")


def doubts(answer: Answer) -> str:
    """A sentence on how far to trust the answer."""
    sure, probability = answer.confidence, answer.probability
    reasons = []
    if not answer.rows:
        reasons.append("it has no rows")
    if answer.detail:
        reasons.append(answer.detail)
    if answer.backtracks:
        reasons.append(f"decoding went back {answer.backtracks} {'time' if answer.backtracks == 1 else 'times'}")
    if answer.missing_mentions:
        reasons.append(f"the question mentions {', '.join(answer.missing_mentions)}, the answer does not")
    if answer.share < UNSURE:
        reasons.append(f"other answers have {1 - answer.share:.0%} of the vote")
    if sure is None and probability is not None and probability < UNSURE:
        reasons.append(f"the model gives this text a probability of {probability:.1%}")
    if sure is None and probability is None:
        said = "it is not known how sure the model is"
    elif sure is None:
        said = f"the model gives this text a probability of {probability:.0%}"
    else:
        said = f"{sure:.0%} of such answers were right on databases that the model had not seen"
    if sure is not None and sure < UNSURE:
        reasons.insert(0, said)
    elif sure is not None:
        reasons = []
    return click.style("unsure", fg="yellow", bold=True) + ": " + "; ".join(reasons) if reasons else said
