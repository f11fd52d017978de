"""`python -m tests.conformance.mask GOLDEN …`: whether constrained decoding could write every golden pair.

GOLDEN is a `golden.jsonl` of a data folder. Every pair is walked through token by token, as a model would emit it: each
token must be among those that the mask allows, each operator may end where it ends, and the last one the query. Prints
the operators that could not be written, and what the masks cost. The exit status is 1 if there was one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipesql.chat.template import operator_ids
from pipesql.decoding.grammar.mask import GrammarCompiler
from pipesql.execution.database import Database
from pipesql.models import resolve_model
from pipesql.models.load import load_tokenizer
from pipesql.pipe.schema import Schema
from pipesql.records import GoldenPair
from pipesql.storage import read_jsonl


@dataclass
class Report:
    """What was walked through, and what could not be written. Times are in seconds."""

    pairs: int = 0
    operators: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    """(id of the pair, the operator with `▸` before the token that was not allowed)."""
    starting: list[float] = field(default_factory=list)
    masking: list[float] = field(default_factory=list)

    def text(self) -> str:
        """A summary."""
        ids = {id_ for id_, _ in self.refused}
        median, late = sorted(self.masking)[len(self.masking) // 2], sorted(self.masking)[int(len(self.masking) * 0.99)]
        start = sum(self.starting) / len(self.starting)
        lines = [f"{id_}: {operator}" for id_, operator in self.refused]
        return "\n".join(
            [
                *lines,
                f"{self.pairs} pairs of {self.operators} operators, {self.pairs - len(ids)} of which can be written",
                f"a mask takes {1e3 * median:.3f} ms (median; 99th percentile {1e3 * late:.2f} ms), "
                f"the start of an operator {1e3 * start:.1f} ms (mean)",
            ]
        )


def walk(pair: GoldenPair, schema: Schema, compiler: GrammarCompiler, report: Report) -> None:
    """Take one pair through its masks."""
    tokenizer, marks = compiler.tokenizer, compiler.markers
    report.pairs += 1
    for number, operator in enumerate(pair.operators):
        report.operators += 1
        began = time.perf_counter()
        mask = compiler.operator(schema, pair.operators[:number])
        report.starting.append(time.perf_counter() - began)
        ids = operator_ids(tokenizer, operator, first=number == 0)
        last = marks.end if number == len(pair.operators) - 1 else marks.step
        if (stuck := stopped_at(mask, [*ids, last], report)) is not None:
            before, behind = tokenizer.decode(ids[:stuck]), tokenizer.decode(ids[stuck:])
            report.refused.append((pair.id, f"{before}▸{behind}".strip()))
            return


def stopped_at(mask: Any, ids: Sequence[int], report: Report) -> int | None:
    """The place of the first token that is not allowed, or None."""
    for place, token in enumerate(ids):
        began = time.perf_counter()
        allowed = mask.allowed()
        report.masking.append(time.perf_counter() - began)
        if not allowed[token]:
            return place
        if place < len(ids) - 1 and mask.take(token):
            return place
    return None


def main() -> int:
    """Walk through all pairs and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golden", nargs="+", type=Path)
    parser.add_argument("--model", default="smol", help="whose tokenizer (default %(default)s)")
    parser.add_argument("--every", type=int, default=1, help="only every n-th pair")
    arguments = parser.parse_args()
    tokenizer = load_tokenizer(resolve_model(arguments.model))
    compiler = GrammarCompiler(tokenizer, len(tokenizer))
    report, schemas = Report(), dict[str, Schema]()
    for path in arguments.golden:
        for pair in list(read_jsonl(path, GoldenPair))[:: arguments.every]:
            if pair.database not in schemas:
                schemas[pair.database] = Database(pair.database).schema
            walk(pair, schemas[pair.database], compiler, report)
    print(report.text())
    return 1 if report.refused else 0


if __name__ == "__main__":
    raise SystemExit(main())
