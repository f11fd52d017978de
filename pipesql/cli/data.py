"""`pipesql demo` and `pipesql fetch`: databases and questions to start with."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def demo(folder: Path) -> None:
    """Write the demo databases into a folder.

    They are 13 small SQLite files, DIR/NAME/NAME.sqlite; their paths are printed.

    \b
    pipesql demo demo
    pipesql run --db demo/zoo/zoo.sqlite "FROM animals |> LIMIT 3"
    """
    from pipesql.benchmarks.demo import build
    from pipesql.benchmarks.demo.databases import database_path
    from pipesql.benchmarks.demo.sources import sources

    build(folder)
    for source in sources():
        click.echo(database_path(folder, source.db_id))


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    show_default="output/benchmarks/BENCHMARK",
    help="Folder to put it in.",
)
@click.option("--mirror", multiple=True, metavar="URL", help="Place to try first; can be given several times.")
@click.argument("benchmark", type=click.Choice(["spider", "bird"]))
def fetch(folder: Path | None, mirror: tuple[str, ...], benchmark: str) -> None:
    """Download a public benchmark, check it and unpack it.

    Spider is 0.2 GB, BIRD 9 GB. A download that broke off is resumed.
    """
    from pipesql.benchmarks.fetch import fetch as fetch_benchmark

    fetch_benchmark(benchmark, folder, mirror, report=lambda line: click.echo(line, err=True))
