"""`pipesql samples`: the training samples of a data folder, shown, checked and counted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipesql.api.samples import Costs

_folder = click.argument("folder", type=click.Path(path_type=Path))
_tokenizer = click.option(
    "--tokenizer", default="auto", show_default=True, help="Tokenizer of this model: a name or a folder."
)
_max_length = click.option(
    "--max-length", default=2048, show_default=True, metavar="TOKENS", help="Longest sample, and the size of a pack."
)


@click.group()
def samples() -> None:
    """Look at the training samples of a data folder."""


@samples.command()
@click.option("--out", type=click.Path(path_type=Path), show_default="FOLDER/preview.html", help="Page to write.")
@click.option("--limit", default=40, show_default=True, help="Samples to show of each split and layout.")
@_tokenizer
@_max_length
@_folder
def preview(out: Path | None, limit: int, tokenizer: str, max_length: int, folder: Path) -> None:
    """Write an HTML page of the samples in FOLDER, with the tokens that the loss counts in colour."""
    from pipesql.api.samples import preview as write_preview

    click.echo(write_preview(folder, out or folder / "preview.html", limit, tokenizer, max_length))


@samples.command()
@_folder
def check(folder: Path) -> None:
    """Check the samples in FOLDER against its golden pairs: execute every prefix and tool call again.

    The exit status is 1 where a sample is wrong.
    """
    from pipesql.api.samples import check as check_samples

    text, sound = check_samples(folder)
    click.echo(text)
    if not sound:
        raise click.exceptions.Exit(1)


@samples.command()
@_tokenizer
@_max_length
@_folder
def layouts(tokenizer: str, max_length: int, folder: Path) -> None:
    """Count the tokens that the golden pairs in FOLDER take in each layout of samples."""
    from pipesql.api.samples import costs

    found, name = costs(folder, tokenizer, max_length)
    click.echo(_text(found, name, max_length))


def _text(found: Costs, name: str, max_length: int) -> str:
    rows = [("steps", found.steps), ("folded", found.folded)]
    rows += [("tree, schema once per database", found.trees), (f"tree, in packs of {max_length}", found.packs)]
    lines = [f"{found.queries:,} queries, {found.targets:,} target tokens (folded), tokens of {name}"]
    lines += [f"{label:<30}{tokens:>12,}{found.steps / tokens:>8.2f}×" for label, tokens in rows]
    if found.left_out:
        lines.append(f"not counted in any layout: {found.left_out} queries longer than {max_length} tokens")
    return "\n".join(lines)
