"""Questions by what they are, answers by how they fail."""

from __future__ import annotations

import json

import pytest

from pipesql.evaluate.breakdown import constructs, divergences, divided, document, tally
from pipesql.records import Verdict

QUERIES = {
    "FROM singer": ["one table"],
    "FROM singer\n|> WHERE age > 30\n|> AGGREGATE COUNT(*) AS n": ["one table", "where", "aggregate"],
    "FROM a\n|> JOIN b ON a.x = b.x\n|> AGGREGATE COUNT(*) AS n GROUP BY a.x\n|> WHERE n > 1": [
        "join",
        "group by",
        "having",
    ],
    "FROM a LEFT JOIN b USING (x)\n|> ORDER BY x\n|> LIMIT 3": ["join", "outer join", "order by", "limit"],
    "FROM a\n|> WHERE x IN (FROM b |> WHERE y = 1 |> SELECT x)\n|> SELECT DISTINCT x": [
        "where",
        "distinct",
        "nested query",
    ],
    "FROM a\n|> SELECT x\n|> UNION ALL (FROM b |> SELECT x)": ["set operation"],
    "FROM a\n|> EXTEND RANK() OVER (ORDER BY x) AS r, CASE WHEN x > 1 THEN 1 END AS c": ["one table", "window", "case"],
    "FROM (FROM a |> SELECT x) AS t\n|> DISTINCT": ["distinct", "nested query"],
    "WITH t AS (FROM a |> SELECT x) FROM t": ["nested query"],
    "FROM a\n|> SELECT 'JOIN me, ORDER BY nothing' AS text": ["one table"],  # text in a value is no construct
}


@pytest.mark.parametrize("query", QUERIES)
def test_constructs(query: str) -> None:
    assert list(constructs(tuple(query.split("\n")))) == QUERIES[query]


def verdict(number: int, gold: str, db_id: str, hardness: str = "", cause: str = "", **more) -> Verdict:
    return Verdict(
        id=f"q{number}",
        db_id=db_id,
        question="?",
        gold_sql="SELECT 1",
        pipe_sql="FROM a",
        lowered_sql="",
        valid=cause in ("", "rows"),
        correct=not cause,
        cause=cause,
        hardness=hardness,
        gold_operators=tuple(gold.split("\n")),
        **{"spider": not cause, "bird": True, "soft_f1": 0.5} | more,
    )


VERDICTS = [
    verdict(1, "FROM a", "two", "extra"),
    verdict(2, "FROM a\n|> JOIN b USING (x)", "one", "easy", cause="rows", diverges_at=2, diverges_in="JOIN"),
    verdict(3, "FROM a\n|> JOIN b USING (x)\n|> WHERE x = 1", "two", "easy"),
    verdict(4, "FROM a", "one", "odd", cause="name", diverges_at=1, diverges_in="FROM"),
]


def test_classes_stand_in_their_usual_order() -> None:
    assert [(label, t.n, t.share("strict")) for label, t in divided(VERDICTS, "hardness").items()] == [
        ("easy", 2, 0.5),
        ("extra", 1, 1.0),
        ("odd", 1, 0.0),
    ]
    assert [(label, t.n) for label, t in divided(VERDICTS, "operators").items()] == [("1", 2), ("2", 1), ("3", 1)]
    assert [(label, t.n) for label, t in divided(VERDICTS, "construct").items()] == [
        ("one table", 2),
        ("join", 2),
        ("where", 1),
    ]
    assert {label: t.share("spider") for label, t in divided(VERDICTS, "database").items()} == {"one": 0, "two": 1}


def test_divergences_the_most_frequent_first() -> None:
    assert divergences([*VERDICTS, VERDICTS[1]]) == {"JOIN": 2, "FROM": 1}


def test_a_score_that_was_not_asked_of_all_is_no_figure() -> None:
    figures = tally([*VERDICTS, verdict(5, "FROM a", "one", spider=None)])
    assert figures.share("spider") is None and figures.share("bird") == 1 and figures.share("soft_f1") == 0.5
    assert tally([]).share("strict") is None


def test_the_document_holds_all_of_it() -> None:
    found = json.loads(json.dumps(document({"tuned": VERDICTS})))["tuned"]
    assert found["all"] == {"n": 4, "strict": 0.5, "spider": 0.5, "bird": 1.0, "soft_f1": 0.5}
    assert found["by_construct"]["join"]["n"] == 2
    assert found["causes"]["name"] == 1 and found["diverges_at"] == {"1": 1, "2": 1}
