"""A data folder for GRPO: four questions on one database, their golds and samples."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

from pipesql.chat.prompts import messages
from pipesql.execution.database import Database
from pipesql.finetune.recipe.files import grpo_recipe_for
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse
from pipesql.records import Sample
from pipesql.storage import write_jsonl
from tests.support.pairs import golden_pair

QUERIES = (
    ("Who is there?", ("FROM singer", "|> SELECT name")),
    ("Who is over 30?", ("FROM singer", "|> WHERE age > 30", "|> SELECT name")),
    ("How many are there?", ("FROM singer", "|> AGGREGATE COUNT(*) AS count")),
    ("Who is the oldest?", ("FROM singer", "|> ORDER BY age DESC", "|> LIMIT 1", "|> SELECT name")),
)
RECIPE = grpo_recipe_for("tiny", "tiny", {"max_completion_length": "48", "max_steps": "3", "learning_rate": "3e-3"})


def write_data(folder: Path) -> Path:
    """Fill a folder, which is returned."""
    path = folder / "music.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
            INSERT INTO singer VALUES (1, 'Ann', 31), (2, 'Bob', 25), (3, 'Cem', 47), (4, 'Dan', 52);
            """
        )
    connection.close()
    pairs, samples = [], []
    for number, (question, operators) in enumerate(QUERIES):
        gold = "\n".join(operators)
        common = {"id": f"q{number}", "db_id": "music", "split": "train"}
        pairs.append(
            golden_pair(
                **common,
                database=str(path),
                question=question,
                gold_sql=lower(parse(gold), Database(path).schema),
                operators=operators,
                rows=1,
            )
        )
        samples.append(
            Sample(**common, layout="folded", prompt=messages(Database(path).schema, question), targets=operators)
        )
    write_jsonl(folder / "golden.jsonl", pairs)
    write_jsonl(folder / "samples.train.jsonl", samples)
    write_jsonl(folder / "samples.dev.jsonl", [replace(samples[0], id="dev", split="dev")])
    return folder
