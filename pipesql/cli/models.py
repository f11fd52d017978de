"""`pipesql fetch-model`: weights, before they are needed."""

from __future__ import annotations

import click


@click.command("fetch-model")
@click.argument("name")
def fetch_model(name: str) -> None:
    """Fetch the weights of a model.

    Steps fetch what they need; this does it before.

    NAME is smol, 0.5b, 1.5b, 3b, 7b, or an id of the Hugging Face hub. What is here already is not fetched again, and a
    fetch that broke off is resumed. The folder is printed.

    \b
    pipesql fetch-model 0.5b
    """
    from pipesql.models import resolve_model

    click.echo(resolve_model(name).path)
