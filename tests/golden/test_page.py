"""The report's page: it stands by itself, holds every question, and works in a browser."""

import base64
import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from pipesql import benchmarks, golden
from pipesql.golden.build import GoldenBuild
from pipesql.golden.page import page
from pipesql.golden.reasons import MEANINGS, meaning
from pipesql.golden.roundtrip import __doc__ as reasons_document
from pipesql.records import Rejection

ODD = "<script>alert('x')</script> & \"y\""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> GoldenBuild:
    made = golden.build(benchmarks.load("demo", str(tmp_path_factory.mktemp("demo")))[:30])
    lost = Rejection("lost-1", "zoo", ODD, "SELECT 1", "demo", "train", "mismatch:order", ODD, "FROM a\n|> LIMIT 1")
    return GoldenBuild(made.pairs, [lost, *made.rejections], made.databases)


@pytest.fixture(scope="module")
def text(build: GoldenBuild) -> str:
    return page(build, golden.report(build))


def test_every_question_is_in_the_page(build: GoldenBuild, text: str) -> None:
    (packed,) = re.findall(r'<script type="application/octet-stream" id="data">(.*?)</script>', text)
    rows = json.loads(zlib.decompress(base64.b64decode(packed)))["rows"]
    assert [row[0] for row in rows] == ["lost-1", *(pair.id for pair in build.pairs)]
    assert rows[0][5] == ODD and rows[0][9] == "mismatch:order"
    assert rows[1][7] == list(build.pairs[0].operators)


def test_the_page_needs_nothing_else_and_escapes_what_it_shows(build: GoldenBuild, text: str) -> None:
    assert not re.search(r"(src|href)=|https?:|@import|url\(", text)
    odd = Rejection("lost-2", ODD, "?", "SELECT 1", "demo", "train", f"refused:{ODD}", "…")
    assert ODD not in page(GoldenBuild(build.pairs, [odd], {}), golden.report(GoldenBuild(build.pairs, [odd], {})))
    assert text == page(build, golden.report(build)), "the same bytes each time"


def test_every_reason_has_a_meaning() -> None:
    documented = set(re.findall(r"^`(\w+)[:`]", str(reasons_document), flags=re.MULTILINE))
    assert documented - {"reread"} <= MEANINGS.keys() and "reread" in MEANINGS
    assert meaning("mismatch:undecidable") != meaning("mismatch:values")


def test_a_browser_shows_the_list_and_a_question(text: str, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium to open the page in")
    path = tmp_path / "report.html"
    path.write_text(text)
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--virtual-time-budget=5000", "--dump-dom", f"{path.as_uri()}#lost-1"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
    assert "1 question, 0 golden" in shown
    assert 'aria-expanded="true">lost-1</button>' in shown
    assert "|&gt;</b> <b>LIMIT</b> 1" in shown
