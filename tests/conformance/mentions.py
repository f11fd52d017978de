"""`python -m tests.conformance.mentions GOLDEN`: how many of the names that questions mention their golds leave out.

GOLDEN is a `golden.jsonl` of a data step; its train pairs are counted, with the schemas of their databases.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from pipesql.execution.database import Database
from pipesql.inference.mentions import mentions, missing_mentions
from pipesql.records import GoldenPair
from pipesql.storage import read_jsonl


def main(golden: Path) -> None:
    """Count, and print two lines."""
    schema_of = cache(lambda path: Database(path).schema)
    called, missing = [0, 0], [0, 0]
    for pair in read_jsonl(golden, GoldenPair):
        if pair.split != "train":
            continue
        schema = schema_of(pair.database)
        found = mentions(schema, pair.question)
        left = missing_mentions(schema, found, pair.operators)
        unread = sum(name in found.tables for name in left)
        for kind, (said, absent) in enumerate(
            ((len(found.tables), unread), (len(found.columns), len(left) - unread)),
        ):
            called[kind] += said
            missing[kind] += absent
    for kind, said, absent in zip(("tables", "columns"), called, missing, strict=True):
        print(f"{kind} that questions call by name: {said:,}, left out by the gold: {absent:,} ({absent / said:.1%})")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
