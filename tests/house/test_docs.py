"""The documentation: links lead somewhere, every page is in the menu, decisions are numbered and listed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
DECISIONS = sorted(p.name for p in (DOCS / "decisions").glob("*.md") if p.name != "index.md")
OUTSIDE = sorted(ROOT.glob("*.md")) + sorted((ROOT / "experiments").glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


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
