"""`python -m pipesql.benchmarks.demo`: count the tables, rows and questions of the demo databases."""

from __future__ import annotations

import csv
import io
import tempfile
from collections import Counter
from pathlib import Path

from pipesql.benchmarks.demo import build, questions
from pipesql.benchmarks.demo.questions import HARDNESS
from pipesql.benchmarks.demo.sources import sources


def main() -> None:
    """Print one line per database, then the totals of each split."""
    with tempfile.TemporaryDirectory() as scratch:
        build(Path(scratch))
        found = questions(Path(scratch))
    heads = ("split", "database", "tables", "columns", "rows", "questions", *HARDNESS)
    print(("{:<6} {:<12}" + " {:>9}" * (len(heads) - 2)).format(*heads))
    totals: dict[str, Counter[str]] = {}
    for source in sources():
        tables = [list(csv.reader(io.StringIO(source.read(f"{name}.csv")))) for name in source.tables]
        by_hardness = Counter(q.hardness for q in found if q.db_id == source.db_id)
        counts = Counter(
            tables=len(tables),
            columns=sum(len(table[0]) for table in tables),
            rows=sum(len(table) - 1 for table in tables),
            questions=by_hardness.total(),
            **by_hardness,
        )
        totals.setdefault(source.split, Counter()).update(counts)
        _print_line(source.split, source.db_id, counts)
    for split, counts in totals.items():
        _print_line(split, "in all", counts)


def _print_line(split: str, name: str, counts: Counter[str]) -> None:
    numbers = [counts[key] for key in ("tables", "columns", "rows", "questions", *HARDNESS)]
    print(f"{split:<6} {name:<12}" + "".join(f" {number:>9}" for number in numbers))


if __name__ == "__main__":
    main()
