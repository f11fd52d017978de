"""Bootstrap intervals against what theory says of them, and paired tests against any other run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipesql.errors import BadInput
from pipesql.evaluate.statistics import by_cluster, by_question, compare_with_earlier, estimate_metrics, estimates
from pipesql.records import Verdict

pytest.importorskip("numpy")


def test_by_question_is_the_normal_interval_where_questions_are_many() -> None:
    ((low, high),) = by_question([[float(i % 4 == 0)] for i in range(1000)])
    half = 1.96 * (0.25 * 0.75 / 1000) ** 0.5
    assert (low, high) == pytest.approx((0.25 - half, 0.25 + half), abs=0.002)


def test_all_rules_are_drawn_together_and_the_same_each_time() -> None:
    scores = [[float(i % 3 == 0), float(i % 3 != 0), 0.5] for i in range(90)]
    one, other, same = by_question(scores)
    assert one == pytest.approx((1 - other[1], 1 - other[0]))
    assert same == (0.5, 0.5)
    assert by_question(scores) == by_question(scores)
    assert by_question(scores, seed=1) != by_question(scores)


def test_by_database_is_wider_where_databases_differ() -> None:
    """Ten databases of fifty questions, half of them answered wholly, half of them not at all."""
    clusters = [f"db{i // 50}" for i in range(500)]
    scores = [[float(i // 50 % 2)] for i in range(500)]
    ((low, high),), ((wide_low, wide_high),) = by_question(scores), by_cluster(scores, clusters)
    assert high - low == pytest.approx(2 * 1.96 * (0.25 / 500) ** 0.5, abs=0.005)
    assert (wide_low, wide_high) == (0.2, 0.8)  # the 2.5% and 97.5% points of the binomial of ten fair coins


def test_by_database_is_the_same_where_every_question_has_its_own() -> None:
    scores = [[float(i % 4 == 0)] for i in range(400)]
    ((low, high),) = by_cluster(scores, [str(i) for i in range(400)])
    assert (low, high) == pytest.approx(by_question(scores)[0], abs=0.005)


def test_where_there_is_nothing_to_draw() -> None:
    assert by_question([]) == [] and by_cluster([], []) == []
    assert by_cluster([[1.0], [0.0]], ["one", "one"]) == []
    assert estimates([]) == {}


def verdicts(marks: str, **more) -> list[Verdict]:
    """One verdict a letter: r right, w wrong."""
    return [
        Verdict(
            id=f"q{i}",
            db_id=f"db{i % 2}",
            question="?",
            gold_sql="SELECT 1",
            pipe_sql="FROM t",
            lowered_sql="",
            valid=True,
            correct=mark == "r",
            **{"spider": mark == "r", "bird": True, "soft_f1": 0.5} | more,
        )
        for i, mark in enumerate(marks)
    ]


def test_metrics_of_every_rule() -> None:
    found = estimate_metrics("tuned", estimates(verdicts("rrww")))
    assert (found["tuned/strict"], found["tuned/bird"], found["tuned/soft_f1"]) == (0.5, 1.0, 0.5)
    assert found["tuned/spider_low"] < 0.5 < found["tuned/spider_high"]
    assert found["tuned/strict_database_low"] == found["tuned/strict_database_high"] == 0.5  # both databases are half
    assert set(estimates(verdicts("rw", spider=None))) == {"strict", "bird", "soft_f1"}


def test_against_another_run() -> None:
    found = compare_with_earlier("version 1", verdicts("wwwwrr"), verdicts("rrrrrw"))
    assert found.metrics() == {
        "against/questions": 6,
        "against/gained": 4,
        "against/lost": 1,
        "against/p": 0.375,
        "against/spider_gained": 4,
        "against/spider_lost": 1,
        "against/spider_p": 0.375,
        "against/bird_gained": 0,
        "against/bird_lost": 0,
        "against/bird_p": 1.0,
    }
    assert found.text().splitlines()[:2] == [
        "against version 1, on 6 questions that both were asked:",
        "  strict  gained 4, lost 1, exact McNemar p = 0.38",
    ]


def test_against_takes_the_questions_that_both_were_asked_with_the_same_gold() -> None:
    now = verdicts("rrrr")
    before = [replace(now[0], correct=False), replace(now[1], gold_sql="SELECT 2"), now[2]]
    found = compare_with_earlier("run abc", before, now)
    assert (found.by_rule["strict"].questions, found.by_rule["strict"].gained, found.alone) == (2, 1, 2)
    assert "on 2 questions that both were asked (2 more were not asked there)" in found.text()
    with pytest.raises(BadInput, match="run abc and this evaluation have no question in common"):
        compare_with_earlier("run abc", [replace(v, id=f"other-{v.id}") for v in before], now)


def test_an_old_run_is_compared_by_the_rule_that_it_knows() -> None:
    assert set(compare_with_earlier("old", verdicts("rw", spider=None, bird=None), verdicts("ww")).by_rule) == {
        "strict"
    }
