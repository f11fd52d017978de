"""Commands about models and their results that need no run: recipes, forecasts, answers, predictions judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--markdown", is_flag=True, help="Print the page docs/reference/recipes.md instead.")
def recipes(markdown: bool) -> None:
    """List the training recipes: what each trains, how fast, how long, and on what it is meant to run."""
    from pipesql.finetune.recipe import table as recipe_table

    click.echo(recipe_table.page() if markdown else recipe_table.text(), nl=not markdown)


@click.command()
@click.option("--model", default="smol", show_default=True, help="tiny, smol, 0.5b … 7b, a hub id or a folder.")
@click.option("--recipe", default="auto", show_default=True, help="A name in recipes/ or a YAML file; auto: by model.")
@click.option(
    "-P", "parameters", multiple=True, metavar="KEY=VALUE", help="As of mlflow run: model, recipe, a field of it."
)
@click.option("--data", type=click.Path(path_type=Path), help="A data folder to count. [default: as Spider]")
@click.option("--queries", default=0, help="Without --data: so many queries that cost what Spider's do; 0: as Spider.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or a card: rtx4080, a100, h100 …")
@click.option("--memory", default=0.0, help="Its memory in GB, if another.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--table", is_flag=True, help="Print the table of docs/guides/planning.md instead.")
def plan(
    model: str,
    recipe: str,
    parameters: tuple[str, ...],
    data: Path | None,
    queries: int,
    device: str,
    memory: float,
    as_json: bool,
    table: bool,
) -> None:
    """Forecast a training's memory and time, before anything is downloaded; exits with 1 where it does not fit."""
    from pipesql.cli import planning

    if table:
        click.echo(planning.table())
        return
    text, complaint = planning.planned(model, recipe, parameters, data, queries, device, memory, as_json)
    click.echo(text)
    if complaint:
        raise complaint


@click.command()
@click.option("--golden", type=click.Path(path_type=Path), required=True, help="golden.jsonl of a data folder.")
@click.option(
    "--predictions", type=click.Path(path_type=Path), required=True, help="One JSON object a line: id, pipe_sql."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for verdicts.jsonl, evaluation.html and figures.")
@click.option("--split", default="dev", show_default=True, help="Whose questions are to be answered.")
@click.option("--partial", is_flag=True, help="Leave out questions without a prediction; else they count as wrong.")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Processes; without it one a core.")
@click.option("--timeout", default=5.0, show_default=True, help="Seconds until one query is stopped.")
def score(
    golden: Path, predictions: Path, out: Path | None, split: str, partial: bool, workers: int, timeout: float
) -> None:
    """Judge predictions by execution: by the strict rule, Spider's and BIRD's, with intervals and breakdowns."""
    from pipesql.cli.score import score as score_predictions

    click.echo(score_predictions(golden, predictions, out, split, partial, workers, timeout))


@click.command()
@click.option("--db", type=click.Path(path_type=Path), required=True, help="SQLite or DuckDB file, opened read-only.")
@click.option(
    "--model", default="champion", show_default=True, help="A registered version (alias or number), a folder, a hub id."
)
@click.option("--endpoint", default="", help="Ask --model at this address (http://…/v1) of OpenAI's chat completions.")
@click.option("--evidence", "told", default="", help="What else the model should know, in a sentence.")
@click.option("--mode", default="greedy", show_default=True, help="greedy, beam, vote (of several answers), or agent.")
@click.option("--samples", default=8, show_default=True, help="With --mode vote, how many answers.")
@click.option("--beams", default=4, show_default=True, help="With --mode beam, how many ways are followed.")
@click.option("--free", is_flag=True, help="Let the model write anything, not only what can stand on the database.")
@click.option("--layout", help="folded, tree or steps. [default: as it was trained, else folded]")
@click.option("--values", type=int, help="Values a column in the prompt. [default: as it was trained, else 0]")
@click.option("--rows", default=3, show_default=True, help="Rows to show after each operator.")
@click.option("--timeout", default=5.0, show_default=True, help="Seconds until one query is stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end instead.")
@click.argument("question")
def ask(
    db: Path,
    model: str,
    endpoint: str,
    told: str,
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
    """Answer a question in English: operators as the model writes them with the rows after each, then SQL and result.

    Exits with 1 where there is no answer that runs.
    """
    from pipesql.cli import ask as asking
    from pipesql.inference.config import Question

    given: dict[str, Any] = {"mode": mode, "samples": samples, "beams": beams, "constrained": not free}
    given |= {name: value for name, value in (("layout", layout), ("values", values)) if value is not None}
    asked = Question(str(db), question, told)
    if endpoint:
        good = asking.ask_endpoint(asked, endpoint, model, given, rows, timeout, as_json)
    else:
        good = asking.ask(asked, model, given, rows, timeout, as_json)
    if not good:
        click.get_current_context().exit(1)
