"""Spider's hardness rule, case by case, and on the dev set against the published counts."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from pipesql.benchmarks.hardness import hardness

CASES = [
    ("SELECT COUNT(*) FROM singer", "easy"),
    ("SELECT name FROM singer ORDER BY age", "easy"),
    ("SELECT name FROM singer WHERE name LIKE '%a%'", "medium"),
    ("SELECT name, age FROM singer", "medium"),
    ("SELECT a.name FROM a JOIN b ON a.id = b.id WHERE a.x = 1", "medium"),
    ("SELECT name FROM singer WHERE age > 1 AND age < 9", "medium"),
    ("SELECT name FROM singer WHERE age > 1 OR age < 9", "medium"),
    ("SELECT MAX(age), MIN(age) FROM singer WHERE x = 1 AND y = 2", "hard"),
    ("SELECT a.name FROM a JOIN b ON a.id = b.id WHERE a.x = 1 ORDER BY b.y", "hard"),
    ("SELECT name FROM singer WHERE id NOT IN (SELECT singer_id FROM song)", "hard"),
    ("SELECT name FROM singer UNION SELECT name FROM band", "hard"),
    ("SELECT name FROM singer WHERE x = 1 UNION SELECT name FROM band WHERE y = 2 ORDER BY name", "hard"),
    ("SELECT name, age FROM singer UNION SELECT name, age FROM band", "extra"),
    ("SELECT name FROM a JOIN b ON a.id = b.id WHERE x = 1 GROUP BY y ORDER BY COUNT(*) DESC LIMIT 1", "extra"),
    # NOT counts as an aggregate, and so does the AND of a HAVING
    ("SELECT COUNT(*) FROM t WHERE NOT a = 1", "medium"),
    ("SELECT a FROM t GROUP BY a HAVING COUNT(*) > 1 AND COUNT(*) < 5", "easy"),
    ("SELECT COUNT(*) FROM t GROUP BY a HAVING COUNT(*) > 1 AND COUNT(*) < 5", "medium"),
    ("SELECT (", ""),
    ("DROP TABLE t", ""),
]


@pytest.mark.parametrize(("gold", "expected"), CASES)
def test_case(gold: str, expected: str) -> None:
    assert hardness(gold) == expected


def test_dev_has_the_published_counts() -> None:
    path = Path(os.environ.get("PIPESQL_SPIDER", "no folder")) / "dev.json"
    if not path.is_file():
        pytest.skip("set PIPESQL_SPIDER to a Spider folder to check the counts on its dev set")
    counts = Counter(hardness(entry["query"]) for entry in json.loads(path.read_text()))
    assert counts == {"easy": 248, "medium": 446, "hard": 174, "extra": 166}
