"""`python -m experiments.schema_pruning`: how often the tables of a query are kept where a schema must be cut.

For each share of a schema's tokens: the share of golden pairs all of whose tables are among those kept, and of all
tables that golden pairs read. Databases of a single table are left out.

    python -m experiments.schema_pruning --data output/data/FOLDER
"""

from __future__ import annotations

import argparse
from functools import lru_cache
from pathlib import Path

from pipesql.assistant_tools.grounding import matching_values
from pipesql.assistant_tools.schema_pruning import prune_schema
from pipesql.chat.prompts import schema_text
from pipesql.execution.database import Database
from pipesql.models import resolve_model
from pipesql.models.load import load_tokenizer
from pipesql.pipe.reading.parser import parse
from pipesql.pipe.schema import Schema
from pipesql.pipe.walk import tables_read
from pipesql.records import GoldenPair
from pipesql.storage import read_jsonl

SHARES = (0.75, 0.5, 0.33, 0.25)


def tables_of(pair: GoldenPair, schema: Schema) -> set[str]:
    """The tables of the schema that a pair reads."""
    found = (schema.table(name) for name in tables_read(parse(pair.pipe_sql)))
    return {table.name for table in found if table}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="data folders")
    parser.add_argument("--model", default="smol", help="whose tokens (default %(default)s)")
    parser.add_argument("--every", type=int, default=1, help="only every n-th pair")
    arguments = parser.parse_args()
    tokenizer = load_tokenizer(resolve_model(arguments.model))

    @lru_cache(maxsize=100_000)
    def tokens(text: str) -> int:
        return len(tokenizer(text)["input_ids"])

    def cost(schema: Schema) -> int:
        return sum(tokens(line) for line in schema_text(schema).split("\n"))

    print(f"{'':24}{'pairs':>8}" + "".join(f"{share:>10.0%}" for share in SHARES))
    for folder in arguments.data:
        whole, single, pairs, read = dict.fromkeys(SHARES, 0), dict.fromkeys(SHARES, 0), 0, 0
        for pair in list(read_jsonl(folder / "golden.jsonl", GoldenPair))[:: arguments.every]:
            schema = Database(pair.database).schema
            if len(schema.tables) == 1:
                continue
            wanted = tables_of(pair, schema)
            found = matching_values(Database(pair.database), pair.question, 3)
            pairs, read, size = pairs + 1, read + len(wanted), cost(schema)
            for share in SHARES:
                words = f"{pair.question} {pair.evidence}"
                kept = {t.name for t in prune_schema(schema, words, cost, int(share * size), found)}
                whole[share] += wanted <= kept
                single[share] += len(wanted & kept)
        for label, counts, total in (("all tables", whole, pairs), ("tables", single, read)):
            line = "".join(f"{counts[share] / total:>10.1%}" for share in SHARES)
            print(f"{folder.name[:12]:12}{label:12}{total:>8}{line}")


if __name__ == "__main__":
    main()
