"""The page: what is in it, that nothing of the data becomes markup, that it needs nothing else."""

from __future__ import annotations

import base64
import json
import re
import shutil
import sqlite3
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from pipesql.evaluate.judge import judge_all
from pipesql.evaluate.report.page import Model, page
from pipesql.evaluate.statistics import compare_with_earlier, estimates
from pipesql.records import Prediction

pytest.importorskip("jinja2")
pytest.importorskip("numpy")

EVIL = "<script>alert('x')</script></script><img src=x onerror=alert(1)>"
GOLD = ("FROM note", "|> WHERE id > 0", "|> SELECT text, id")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> list[Model]:
    """Two models on a database whose text, names and questions are markup."""
    path = tmp_path_factory.mktemp("db") / "notes.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text)")
        rows = [(1, EVIL), (2, "a" * 500), (3, None), (4, bytes(range(9))), (5, 2**60), (6, float("inf"))]
        connection.executemany("INSERT INTO note VALUES (?, ?)", rows)
    connection.close()
    answers = [
        ["FROM note\n|> SELECT text, id", f"FROM note\n|> WHERE text = '{EVIL[8:13]}'", "no <b>pipe</b> SQL"],
        [f"FROM note\n|> WHERE text <> '{EVIL[8:13]}'", "FROM note\n|> SELECT id", "FROM note\n|> SELECT text, id"],
    ]

    def judged(pipes: list[str]) -> list[Any]:
        return judge_all(
            [
                Prediction(
                    id=f"q{i}",
                    db_id=f"notes{i % 2}{EVIL}",
                    database=str(path),
                    question=f"{EVIL} {i}?",
                    gold_sql="SELECT text, id FROM note WHERE id > 0",
                    operators=tuple(pipe.split("\n")),
                    stop="done",
                    hardness=f"easy{EVIL}",
                    gold_operators=GOLD,
                )
                for i, pipe in enumerate(pipes)
            ]
        )

    return [
        Model(name, judged(pipes), estimates([j.verdict for j in judged(pipes)]))
        for name, pipes in zip(("base", f"tuned{EVIL}"), answers, strict=True)
    ]


def made(models: list[Model]) -> str:
    before, after = ([j.verdict for j in model.judged] for model in models)
    return page(f"Title {EVIL}", models, [f"sentence {EVIL}"], compare_with_earlier(f"run {EVIL}", before, after))


def data(text: str) -> dict[str, Any]:
    packed = re.search(r'id="data">([^<]+)<', text)
    assert packed is not None
    return json.loads(zlib.decompress(base64.b64decode(packed[1])))


def test_it_stands_by_itself(models: list[Model]) -> None:
    text = made(models)
    assert not re.search(r"https?://|<link|src=\"|@import|url\(", text)
    assert len(text.encode()) < 60_000


def test_text_of_the_data_is_no_markup(models: list[Model]) -> None:
    text = made(models)
    assert text.count("<script") == text.count("</script") == 2, "the page's own"
    assert "<img" not in text and "<b>pipe" not in text
    assert f"Title {EVIL}" not in text and "Title &lt;script&gt;" in text


def test_every_question_is_in_it(models: list[Model]) -> None:
    found = data(made(models))
    assert [row[0] for row in found["rows"]] == ["q0", "q1", "q2"]
    columns, rows, count = found["rows"][0][7]
    assert (columns, count) == (["text", "id"], 6)
    assert rows[0][0] == EVIL and rows[2][0] is None
    assert len(rows[1][0]) == 120 and rows[1][0].endswith("…")
    assert [row[0] for row in rows[3:]] == ["x'000102030405060708'", str(2**60), "inf"]
    base, tuned = found["rows"][0][8]
    assert base[0] == [1, 1, 1] and base[-1] == 0, "the gold's rows are not there twice"
    assert tuned[0][0] == 0 and tuned[2] == "rows" and tuned[6] == [2, "WHERE"] and tuned[-1][2] == 5
    assert found["rows"][2][8][0][-1] is None


def test_the_same_evaluation_gives_the_same_page(models: list[Model]) -> None:
    assert made(models) == made(models)


def test_one_model_is_enough(models: list[Model]) -> None:
    text = page("One", models[:1])
    assert "Against" not in text and "unlike" not in text
    assert "Every answer is right." in page("Right", [Model("right", models[0].judged[:1], {})])


def in_browser(text: str, folder: Path, *options: str) -> str:
    """What the page is once its script has run, its question q1 linked."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium is installed")
    (folder / "evaluation.html").write_text(text, encoding="utf-8")
    shown = subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", *options),
            *("--virtual-time-budget=3000", "--dump-dom", f"file://{folder}/evaluation.html#q1"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if not shown.stdout:
        pytest.skip(f"the browser does not start here: {shown.stderr[-200:]}")
    return shown.stdout


def test_a_browser_shows_it(models: list[Model], tmp_path: Path) -> None:
    """The list is unpacked and drawn, the linked question open, its text as text."""
    shown = in_browser(made(models), tmp_path)
    assert "1 question; by the rule strict, base right on 0, tuned" in shown
    assert 'aria-expanded="true">q1<' in shown
    assert "diverges from the gold at operator 2" in shown
    assert shown.count("<script") == 2 and "<img" not in shown


def test_the_comparison_is_in_sight_on_a_narrow_screen(models: list[Model], tmp_path: Path) -> None:
    """The table of McNemar's test is not wider than its frame."""
    measure = """<script>for (const head of document.querySelectorAll("th")) if (head.textContent === "Gained") {
      const frame = head.closest(".scroll");
      const narrow = document.documentElement.clientWidth < 520, outside = frame.scrollWidth - frame.clientWidth;
      document.title = `${narrow}, ${outside} outside`; }</script>"""
    text = made(models).replace("</body>", f"{measure}</body>")
    assert "<title>true, 0 outside</title>" in in_browser(text, tmp_path, "--window-size=500,900")
