"""The commands that look at a data folder's samples."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipesql import benchmarks, golden
from pipesql.cli.main import main
from pipesql.samples.build import build
from pipesql.samples.layouts import Options
from pipesql.samples.output import write
from pipesql.samples.splits import split_pairs
from pipesql.storage import write_jsonl


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of a few demo questions, with conversations."""
    pairs = golden.build(benchmarks.load("demo", str(tmp_path_factory.mktemp("demo")), limit=12)).pairs
    target = tmp_path_factory.mktemp("data")
    options = Options("folded", tool_ratio=1.0, tokenizer="tiny")
    splits = split_pairs(pairs)
    made = {split: build(members, options) for split, members in splits.parts().items()}
    write(target, made, splits, options)
    write_jsonl(target / "golden.jsonl", pairs)
    return target


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


class _Page(HTMLParser):
    """Counts tags, keeps the text of each, and whatever would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: dict[str, str] = {}
        self.tags: dict[str, int] = {}
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href")]
        if tag not in ("meta", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open:
            self.text[self.open[-1]] = self.text.get(self.open[-1], "") + data


def test_preview_is_one_page_that_stands_by_itself(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    done = call("samples", "preview", folder, "--out", out, "--limit", 4, "--tokenizer", "tiny")
    assert done.exit_code == 0, done.output
    assert "24 samples of train, 24 samples of dev" in done.output
    page = _Page()
    page.feed(out.read_text(encoding="utf-8"))
    assert page.fetched == []
    assert re.findall(r"https?:|url\(|@import", out.read_text(encoding="utf-8")) == []
    assert page.tags["svg"] == 4
    assert page.tags["details"] == 2 * 4 + 2 * 4 * 2
    assert "prefers-color-scheme: dark" in page.text["style"]


def test_the_page_colours_what_training_learns(folder: Path, tmp_path: Path) -> None:
    from pipesql.chat.trees import read_samples

    out = tmp_path / "page.html"
    call("samples", "preview", folder, "--out", out, "--limit", 100, "--tokenizer", "tiny")
    page = _Page()
    page.feed(out.read_text(encoding="utf-8"))
    learnt = page.text["b"]
    rows = [s for split in ("train", "dev") for s in read_samples(folder / f"samples.{split}.jsonl")]
    for sample in rows:
        for operator in sample.targets:
            assert operator in learnt
    assert "Question: " not in learnt
    assert set(page.text["u"].replace("marker, learnt", "").replace("<|im_end|>", "").split("<|endoftext|>")) == {""}


def test_text_of_a_question_is_no_markup(folder: Path, tmp_path: Path) -> None:
    text = (folder / "samples.train.jsonl").read_text(encoding="utf-8").replace("Question: ", "Question: <script>x")
    (tmp_path / "samples.train.jsonl").write_text(text, encoding="utf-8")
    assert call("samples", "preview", tmp_path, "--tokenizer", "tiny").exit_code == 0
    assert "<script>" not in (tmp_path / "preview.html").read_text(encoding="utf-8")


def test_check_executes_everything_again(folder: Path, tmp_path: Path) -> None:
    done = call("samples", "check", folder)
    assert done.exit_code == 0, done.output
    assert re.search(
        r"train: 24 samples of 12 queries, \d+ prefixes executed, \d+ tool results .* 0 faults", done.output
    )
    for name in ("golden.jsonl", "samples.train.jsonl"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    spoilt = (folder / "samples.train.jsonl").read_text(encoding="utf-8").replace("row_count", "count_of_rows", 1)
    (tmp_path / "samples.train.jsonl").write_text(spoilt, encoding="utf-8")
    done = call("samples", "check", tmp_path)
    assert done.exit_code == 1
    assert "1 faults" in done.output and "the result of execute_pipe_sql is not what it returns now" in done.output


def test_layouts_are_compared_on_the_same_queries(folder: Path) -> None:
    done = call("samples", "layouts", folder, "--tokenizer", "tiny")
    assert done.exit_code == 0, done.output
    assert "24 queries" in done.output
    costs = [int(n.replace(",", "")) for n in re.findall(r"^(?:steps|folded|tree).* {2,}([\d,]+) ", done.output, re.M)]
    assert len(costs) == 4
    assert costs[0] > costs[1] > costs[3] >= costs[2]


def test_a_folder_without_samples_is_named(tmp_path: Path) -> None:
    done = call("samples", "preview", tmp_path)
    assert (done.exit_code, "does not hold samples (samples.SPLIT.jsonl)" in done.stderr) == (2, True)
    assert call("samples", "preview", tmp_path, "--limit", 0).exit_code == 2
    assert call("samples", "check", tmp_path).exit_code == 2


@pytest.mark.parametrize("name", ["preview", "layouts", "check"])
def test_the_old_names_work_and_say_the_new_ones(name: str, folder: Path, tmp_path: Path) -> None:
    options = {"preview": ("--out", tmp_path / "page.html", "--tokenizer", "tiny"), "layouts": ("--tokenizer", "tiny")}
    new = call("samples", name, folder, *options.get(name, ()))
    old = call(name, folder, *options.get(name, ()))
    assert (old.exit_code, old.stdout) == (new.exit_code, new.stdout) == (0, new.stdout)
    assert f"is now `pipesql samples {name}" in old.stderr and len(old.stderr.splitlines()) == 1
