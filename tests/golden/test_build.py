"""The whole build on the demo: nothing is lost, order and bytes are the same whatever the pool."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipesql import benchmarks, golden
from pipesql.errors import BadInput, PipesqlError
from pipesql.execution.database import Database
from pipesql.golden.build import GoldenBuild
from pipesql.pipe.reading.parser import parse_operators
from pipesql.pipe.resolving.resolve import resolve
from pipesql.records import GoldenPair, Question, Rejection
from pipesql.storage import read_jsonl


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> list[Question]:
    return benchmarks.load("demo", str(tmp_path_factory.mktemp("demo")))


@pytest.fixture(scope="module")
def build(questions: list[Question]) -> GoldenBuild:
    return golden.build(questions)


def test_every_question_is_a_pair_or_a_rejection_in_order(questions: list[Question], build: GoldenBuild) -> None:
    places = {q.id: i for i, q in enumerate(questions)}
    pairs, rejections = [places[p.id] for p in build.pairs], [places[r.id] for r in build.rejections]
    assert pairs == sorted(pairs) and rejections == sorted(rejections)
    assert sorted(pairs + rejections) == list(range(len(questions)))
    assert set(build.databases) == {q.database for q in questions}


def test_the_demo_is_golden(build: GoldenBuild) -> None:
    counts = golden.report(build)
    assert counts["by_reason"].get("gold_error", 0) == 0
    assert counts["share"] >= 0.99, [(r.id, r.reason, r.detail) for r in build.rejections]


def test_every_prefix_of_a_pair_parses_and_resolves(build: GoldenBuild) -> None:
    for pair in build.pairs[::7]:
        schema = Database(pair.database).schema
        for length in range(1, len(pair.operators) + 1):
            assert len(resolve(parse_operators(pair.operators[:length]), schema)) == length


def test_two_builds_give_the_same_bytes_with_one_process_or_several(
    questions: list[Question], build: GoldenBuild, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    golden.write(tmp_path / "one", build)
    again = golden.build(questions, workers=2)
    golden.write(tmp_path / "two", again)
    for folder, made in (("one", build), ("two", again)):
        golden.write_manifest(tmp_path / folder, {"seed": 0}, questions, made, {})
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert names == ["golden.jsonl", "manifest.json", "rejections.jsonl", "report.html", "report.json", "report.txt"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert golden.build(questions, workers=4) == build
    assert list(read_jsonl(tmp_path / "one" / "golden.jsonl", GoldenPair)) == build.pairs
    assert list(read_jsonl(tmp_path / "one" / "rejections.jsonl", Rejection)) == build.rejections


def test_a_missing_database_stops_the_build(questions: list[Question]) -> None:
    lost = Question("q", "x", "/nowhere/x.sqlite", "?", "SELECT 1", "b", "train")
    with pytest.raises(BadInput, match=r"x\.sqlite"):
        golden.build([lost])


def test_a_locked_database_stops_the_build_also_in_a_worker(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE t (a)")
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BadInput, match="locked"):
            golden.build([Question("q", "a", str(path), "?", "SELECT a FROM t", "b", "train")], workers=2)


def test_a_prefix_that_is_no_query_fails_the_build(questions: list[Question], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_query: object, _schema: object) -> None:
        from pipesql.errors import UnknownName

        raise UnknownName("no column x", "x")

    monkeypatch.setattr("pipesql.golden.roundtrip.read", broken)
    with pytest.raises(PipesqlError, match="a prefix that is not a query, the first is"):
        golden.build(questions[:3])


@pytest.mark.parametrize(("options", "said"), [({"workers": -1}, "workers is -1"), ({"engine": "moon"}, "'moon'")])
def test_options_that_make_no_sense(questions: list[Question], options: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        golden.build(questions[:1], **options)


class TestReport:
    """Counts: of all, and in groups."""

    @pytest.fixture
    def made(self, questions: list[Question], build: GoldenBuild) -> GoldenBuild:
        q = questions[0]

        def rejected(name: str, reason: str, **more: Any) -> Rejection:
            return Rejection(name, q.db_id, q.question, q.gold_sql, "demo", "train", reason, "…", **more)

        shown = {"pipe_sql": "FROM t\n|> ORDER BY a\n|> LIMIT 3", "hardness": "hard", "constructs": ("JOIN",)}
        return GoldenBuild(
            build.pairs[:2],
            [
                rejected("w", "gold_error:name"),
                rejected("x", "refused:ODD (a @ b)"),
                rejected("y", "undecidable", operator=3, **shown),
                rejected("z", "mismatch:order", operator=2, agrees=1, **shown),
            ],
            {},
        )

    def test_shares_are_of_the_gold_that_executes_and_that_is_decidable(self, made: GoldenBuild) -> None:
        counts = golden.report(made)
        assert [counts[name] for name in ("questions", "gold_executes", "decidable", "golden")] == [6, 5, 4, 2]
        assert (counts["share"], counts["share_decidable"]) == (0.4, 0.5)
        assert golden.report(GoldenBuild([], [], {}))["share"] == 0.0

    def test_groups(self, made: GoldenBuild) -> None:
        counts = golden.report(made)
        assert list(counts["by_difficulty"]) == ["demo/easy", "demo/hard", "demo/unknown"]
        assert counts["by_difficulty"]["demo/hard"]["questions"] == 2
        assert counts["by_construct"]["JOIN"]["golden"] == 0
        assert counts["by_benchmark"]["demo"] == counts["by_split"]["demo/train"]
        assert sum(row["questions"] for row in counts["by_database"].values()) == 6
        assert counts["by_operator"] == {"LIMIT": 1, "ORDER BY": 1}
        assert counts["proof"]["pairs"] == counts["proof"]["pure"] == 2

    def test_text_and_metrics(self, made: GoldenBuild) -> None:
        text = golden.report_text(golden.report(made))
        assert "50.00%" in text and "refused:ODD (a @ b)" in text and "of 2 golden pairs 2 are pure" in text
        metrics = golden.metrics(made)
        assert (metrics["golden/pairs"], metrics["golden/share_decidable"]) == (2, 0.5)
        assert metrics["rejected/refused:ODD _a _ b_"] == 1
