"""`pipesql plan` and `pipesql recipes`: before a training."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipesql.errors import InvalidOption


@click.command()
@click.option("--model", default="smol", show_default=True, help="tiny, smol, 0.5b … 7b, a hub id or a folder.")
@click.option(
    "--recipe", default="auto", show_default=True, help="A recipe's name or YAML file; auto chooses by the model."
)
@click.option(
    "-P",
    "parameters",
    multiple=True,
    metavar="KEY=VALUE",
    help="As for `mlflow run`: model, recipe, or a field of the recipe.",
)
@click.option(
    "--data", type=click.Path(path_type=Path), show_default="as large as Spider", help="Data folder to count."
)
@click.option(
    "--queries",
    default=0,
    metavar="N",
    show_default="Spider's",
    help="Forecast for N queries of Spider's average size.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or a card: rtx4080, a100, h100 …")
@click.option("--memory", default=0.0, metavar="GB", help="Memory of the device, if not the usual.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--table", is_flag=True, help="Print the tables of docs/guides/planning.md instead.")
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
    """Forecast the memory and time of a training.

    Nothing is downloaded. The exit status is 1 where the training does not fit into the device's memory.

    \b
    pipesql plan --model 7b --device rtx4080
    """
    from pipesql.api.plan import plan as forecast_of
    from pipesql.finetune.plan.forecast import require_memory
    from pipesql.finetune.plan.text import forecast_text
    from pipesql.finetune.plan.text import table as all_forecasts

    if table:
        click.echo(all_forecasts())
        return
    overrides = dict(map(_setting, parameters))
    model, recipe = overrides.pop("model", model), overrides.pop("recipe", recipe)
    found = forecast_of(model, recipe, overrides=overrides, data=data, queries=queries, device=device, memory_gb=memory)
    click.echo(json.dumps(found.row(), indent=2) if as_json else forecast_text(found))
    require_memory(found)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidOption(f"-P {text!r} sets nothing: write KEY=VALUE")
    return name.strip(), value.strip()


@click.command()
@click.option("--markdown", is_flag=True, help="Print the page docs/reference/recipes.md instead.")
def recipes(markdown: bool) -> None:
    """List the training recipes.

    Shows what each recipe trains, its learning rate and length, and the machine that it is meant for.
    """
    from pipesql.finetune.recipe import table

    click.echo(table.page() if markdown else table.text(), nl=not markdown)
