"""A build beside an earlier one: what is lost is named, and the good output stays."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pipesql import benchmarks, golden
from pipesql.errors import BadInput, PipesqlError
from pipesql.golden.build import GoldenBuild
from pipesql.golden.regression import compare_builds, read_baseline
from pipesql.records import GoldenPair, Question, Rejection
from pipesql.storage import read_jsonl, write_jsonl


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> list[Question]:
    return benchmarks.load("demo", str(tmp_path_factory.mktemp("demo")))[:12]


@pytest.fixture(scope="module")
def build(questions: list[Question]) -> GoldenBuild:
    return golden.build(questions)


def without(build: GoldenBuild, place: int) -> GoldenBuild:
    """The build with the pair at `place` lost."""
    p = build.pairs[place]
    lost = Rejection(p.id, p.db_id, p.question, p.gold_sql, p.benchmark, p.split, "mismatch:extra", "more rows")
    return GoldenBuild([q for q in build.pairs if q is not p], [*build.rejections, lost], build.databases)


def test_the_same_build_loses_nothing(build: GoldenBuild, tmp_path: Path) -> None:
    found = compare_builds(build, build.pairs, "before")
    assert (found.still_golden, found.lost, found.gained, found.text_changed, found.missing) == (12, (), (), (), 0)
    found.require_none_lost(tmp_path)


def test_what_was_golden_and_is_no_more_is_named(build: GoldenBuild, tmp_path: Path) -> None:
    found = compare_builds(without(build, 3), build.pairs, "before")
    assert [(each.id, each.reason, each.changed) for each in found.lost] == [(build.pairs[3].id, "mismatch:extra", ())]
    assert found.lost[0].pipe_sql_before == build.pairs[3].pipe_sql
    assert f"lost {build.pairs[3].id}: mismatch:extra" in found.text()
    with pytest.raises(PipesqlError, match=f"1 pairs of before are golden no longer: {build.pairs[3].id}"):
        found.require_none_lost(tmp_path)


def test_changes_that_are_no_loss_are_counted(build: GoldenBuild) -> None:
    before = [replace(build.pairs[0], operators=("FROM x",)), *build.pairs[1:9]]
    found = compare_builds(GoldenBuild(build.pairs[:8] + build.pairs[9:], [], build.databases), before, "before")
    assert (found.still_golden, found.missing, found.lost) == (8, 1, ())
    assert found.text_changed == (build.pairs[0].id,)
    assert set(found.gained) == {pair.id for pair in build.pairs[9:]}


def test_a_changed_gold_or_database_is_said_with_the_loss(build: GoldenBuild) -> None:
    before = [replace(build.pairs[3], gold_sql="SELECT 1", database_digest="0" * 64)]
    found = compare_builds(without(build, 3), before, "before")
    assert found.lost[0].changed == ("gold", "database")


def test_builds_of_other_questions_cannot_be_compared(build: GoldenBuild) -> None:
    with pytest.raises(BadInput, match="and this build have no question in common"):
        compare_builds(build, [replace(build.pairs[0], id="other")], "before")


def test_a_regressed_build_lies_beside_the_good_one(
    questions: list[Question], build: GoldenBuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = tmp_path / "output" / "data" / "demo"
    good.mkdir(parents=True)
    golden.write(good, build)
    making = golden.Making(good, baseline=good / "golden.jsonl")
    made = making.build(questions, 0)
    assert (making.target, made) == (good, build)
    assert (tmp_path / "output" / ".scratch" / "demo").is_dir()
    making.finish()
    assert not (tmp_path / "output" / ".scratch" / "demo").exists()

    monkeypatch.setattr("pipesql.golden.regression.build", lambda *_, **__: without(build, 0))
    making = golden.Making(good, baseline=good / "golden.jsonl")
    made = making.build(questions, 0)
    assert making.target == good.with_name("demo-regressed")
    making.target.mkdir()
    golden.write(making.target, made, making.comparison)
    written = json.loads((making.target / "regression.json").read_text())
    assert [each["id"] for each in written["lost"]] == [build.pairs[0].id]
    assert "lost" in (making.target / "report.txt").read_text()
    assert build.pairs[0].id in (making.target / "report.html").read_text()
    assert "regression.json" in golden.artifacts(making.target)
    with pytest.raises(PipesqlError, match=r"the new build is in .*demo-regressed, beside the earlier output"):
        making.finish()


def test_files_of_version_0_1_are_read_under_their_old_field_names(build: GoldenBuild, tmp_path: Path) -> None:
    old = {"perturbed_rows": "disturbed_rows", "perturbed_digest": "disturbed_digest", "shown_on": "witness"}
    lost = Rejection("lost", "zoo", "?", "SELECT 1", "demo", "train", "timeout", "too slow", shown_on="real")

    def renamed(record: GoldenPair | Rejection) -> dict[str, object]:
        return {old.get(name, name): value for name, value in asdict(record).items()}

    write_jsonl(tmp_path / "golden.jsonl", map(renamed, build.pairs))
    write_jsonl(tmp_path / "rejections.jsonl", [renamed(lost)])
    assert '"disturbed_rows"' in (tmp_path / "golden.jsonl").read_text()
    assert read_baseline(tmp_path / "golden.jsonl") == build.pairs
    assert list(read_jsonl(tmp_path / "rejections.jsonl", Rejection)) == [lost]
