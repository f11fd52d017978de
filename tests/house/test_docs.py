"""The documentation: links lead somewhere, every page is in the menu, decisions are numbered and listed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
import yaml

import pipesql
from pipesql.cli.main import main
from pipesql.finetune.recipe.recipe import FIELDS, GRPO_FIELDS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
DECISIONS = sorted(p.name for p in (DOCS / "decisions").glob("*.md") if p.name != "index.md")
OUTSIDE = sorted(ROOT.glob("*.md")) + sorted((ROOT / "experiments").glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def script(name: str) -> ModuleType:
    """A module of `scripts/`, which is not a package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES_OF_CODE = script("docs_pages")


def links(page: Path) -> list[str]:
    """The targets of a page's links to files, without their anchors."""
    found = LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    return [target.partition("#")[0] for target in found if not re.match(r"[a-z]+:|#", target)]


def menu(items: list[object]) -> list[str]:
    """The pages of a menu of mkdocs.yml, submenus included."""
    pages: list[str] = []
    for item in items:
        value = next(iter(item.values())) if isinstance(item, dict) else item
        pages += menu(value) if isinstance(value, list) else [str(value)]
    return pages


@pytest.mark.parametrize("page", [*PAGES, *OUTSIDE], ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    assert [target for target in links(page) if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
def test_a_page_links_to_nothing_outside_the_site(page: Path) -> None:
    assert [target for target in links(page) if not (page.parent / target).resolve().is_relative_to(DOCS)] == []


def test_every_page_is_in_the_menu_once() -> None:
    listed = menu(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(listed) == [str(page.relative_to(DOCS)) for page in PAGES]


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    assert [name[:5] for name in DECISIONS] == [f"{number:04}-" for number in range(1, len(DECISIONS) + 1)]
    index = (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")
    assert [name for name in DECISIONS if f"]({name})" not in index] == []


def test_the_reference_lists_every_command_parameter_and_field() -> None:
    listed = re.findall(r"<!-- fill: parameters (\w+) -->", (DOCS / "reference" / "entry-points.md").read_text())
    assert sorted(listed) == sorted(PAGES_OF_CODE.entry_points())
    for entry, point in PAGES_OF_CODE.entry_points().items():
        assert PAGES_OF_CODE.parameters(entry).count("\n| `") == len(point["parameters"])
    assert PAGES_OF_CODE.fields("train").count("\n| `") == len(FIELDS)
    assert PAGES_OF_CODE.fields("grpo").count("\n| `") == len(GRPO_FIELDS)
    commands = PAGES_OF_CODE.commands()
    wanted = [name for name in main.list_commands(click.Context(main)) if name not in PAGES_OF_CODE.steps()]
    assert {"to-pipe", "samples"} <= set(wanted)
    assert [name for name in wanted if f"## pipesql {name}" not in commands] == []


def test_the_reference_lists_every_name_of_the_front_door() -> None:
    page = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^::: pipesql\.(\w+)$", page, re.MULTILINE))
    assert listed == set(pipesql.__all__) - {"__version__"}


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
