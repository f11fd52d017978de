"""`python -m tests.conformance.google_cases FILE [--list]`: Google's parser tests for pipe syntax, read and printed.

FILE holds one JSON object a line: `sql`, and whether Google's parser takes it (`parses`) and it has pipes (`has_pipe`);
`PIPESQL_GOOGLE_CASES` names it where the command does not. Three figures are printed. Of the texts that Google takes,
how many are read here and printed so that Google's parser gives the same tree (`google_trees` says what "same" is): of
all, and of those that lie within the language of pipesql. Of the texts that Google refuses, how many are refused here.
Then the rest, by what is in it. Ends with status 1 if a text within the language fails or an exception is not
pipesql's own.

Outside the language lie statements that are no query, the operators that only show or write the table, hints, and the
few clauses of `_OUTSIDE`; and expressions that sqlglot's reader for BigQuery does not know, which the command itself
asks it about.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot.errors import SqlglotError

from pipesql.errors import PipesqlError
from pipesql.pipe.printing.printer import print_query
from pipesql.pipe.reading.parser import parse
from tests.support.oracles.google_trees import Parser, kinds, level
from tests.support.oracles.googlesql import GoogleSqlError

VARIABLE = "PIPESQL_GOOGLE_CASES"

_OUTSIDE = {
    "SubpipelineStatement": "a pipeline that is a statement",
    "PipeDescribe": "DESCRIBE",
    "PipeStaticDescribe": "STATIC_DESCRIBE",
    "PipeLog": "LOG",
    "PipeTee": "TEE",
    "PipeFork": "FORK",
    "PipeIf": "IF",
    "PipeCreateTable": "CREATE TABLE",
    "PipeInsert": "INSERT",
    "PipeExportData": "EXPORT DATA",
    "Hint": "a hint",
    "LockMode": "FOR UPDATE",
    "SelectWith": "SELECT WITH",
    "RecursionDepthModifier": "WITH DEPTH",
}
"""Kinds of nodes in Google's trees that are no part of the language."""
_UNKNOWN = {"BracedConstructor": "NEW p { a: 1 }", "NewConstructor": "NEW p(1 AS a)"}
"""Kinds of expressions that sqlglot does not know, each with one that it is asked to read."""

SAME, REFUSED, OTHER_TREE, NOT_READ_BY_GOOGLE, FOREIGN = (
    "same tree",
    "refused here",
    "another tree",
    "printed text refused by Google",
    "an exception that is not pipesql's own",
)


@dataclass
class Case:
    """A text that Google takes: what became of it, and what lies outside the language in it."""

    text: str
    outcome: str
    detail: str
    outside: list[str]


@dataclass
class Report:
    """What was found."""

    accepted: list[Case] = field(default_factory=list)
    refused: int = 0
    wrongly_accepted: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    @property
    def inside(self) -> list[Case]:
        """The texts within the language."""
        return [case for case in self.accepted if not case.outside]

    @property
    def failed(self) -> list[Case]:
        """Those that Google takes and that do not come back as the same tree."""
        return [case for case in self.accepted if case.outcome != SAME]


def measure(path: Path) -> Report:
    """Read, print and compare every text of the file that has pipes."""
    google = Parser()
    report = Report()
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if not case["has_pipe"]:
            continue
        if case["parses"]:
            report.accepted.append(_accepted(case["sql"], google))
            continue
        report.refused += 1
        outcome, detail = _printed(case["sql"])
        if outcome == FOREIGN:
            report.foreign.append(f"{case['sql']}\n{detail}")
        elif outcome != REFUSED:
            report.wrongly_accepted.append(case["sql"])
    return report


def _accepted(text: str, google: Parser) -> Case:
    tree = google.statement(text)
    outside = _what_is_outside(tree)
    outcome, printed = _printed(text)
    if outcome == SAME:
        try:
            outcome = SAME if level(google.statement(printed)) == level(tree) else OTHER_TREE
        except GoogleSqlError as e:
            outcome, printed = NOT_READ_BY_GOOGLE, f"{printed}\n{e}"
    return Case(text, outcome, printed, outside)


def _printed(text: str) -> tuple[str, str]:
    """SAME and the printed text, or what went wrong."""
    try:
        return SAME, print_query(parse(text))
    except PipesqlError as e:
        return REFUSED, str(e)
    except Exception as e:  # noqa: BLE001 what must not happen is counted
        return FOREIGN, repr(e)


def _what_is_outside(tree: Any) -> list[str]:
    found = set(kinds(tree))
    outside = [name for kind, name in _OUTSIDE.items() if kind in found]
    if tree.WhichOneof("node") != "ast_query_statement_node" and "SubpipelineStatement" not in found:
        outside.insert(0, "a statement that is no query")
    outside += [f"expression {text}" for kind, text in _UNKNOWN.items() if kind in found and not _sqlglot_reads(text)]
    return outside + [f"type {name}" for name in _types(tree) if not _sqlglot_reads(f"CAST(NULL AS {name})")]


def _types(message: Any) -> set[str]:
    """The names of types in a tree."""
    if message.DESCRIPTOR.name == "ASTSimpleTypeProto":
        return {".".join(part.id_string for part in message.type_name.names)}
    found: set[str] = set()
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            for each in [value] if hasattr(value, "ListFields") else value:
                found |= _types(each)
    return found


@cache
def _sqlglot_reads(expression: str) -> bool:
    """Whether sqlglot's reader for BigQuery knows an expression, as it stands."""
    try:
        sqlglot.parse_one(f"SELECT {expression}", read="bigquery")
    except SqlglotError:
        return False
    return True


def show(report: Report, every: bool) -> None:
    """Print the figures and the rest by feature; `every` text of the rest too."""
    same = sum(case.outcome == SAME for case in report.accepted)
    inside = sum(case.outcome == SAME for case in report.inside)
    print(f"taken by Google, within the language: {inside} of {len(report.inside)} come back as the same tree")
    print(f"taken by Google, all:                 {_share(same, len(report.accepted))} come back as the same tree")
    refused = report.refused - len(report.wrongly_accepted) - len(report.foreign)
    print(f"refused by Google:                    {_share(refused, report.refused)} are refused here")
    print("\nthe rest, by what is in it:")
    features: dict[str, Counter[str]] = defaultdict(Counter)
    for case in report.failed:
        features[", ".join(case.outside) or "within the language"][case.outcome] += 1
    for feature, outcomes in sorted(features.items(), key=lambda f: -sum(f[1].values())):
        print(f"{sum(outcomes.values()):5}  {feature}: {', '.join(f'{n} {o}' for o, n in outcomes.items())}")
    if report.wrongly_accepted:
        print(f"{len(report.wrongly_accepted):5}  refused by Google, read here")
    if every:
        for case in report.failed:
            print(f"\n--- {case.outcome}: {', '.join(case.outside)}\n{case.text}\n-> {case.detail}")
        for text in report.wrongly_accepted + report.foreign:
            print(f"\n--- refused by Google\n{text}")


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / max(whole, 1):.1%})"


def main() -> int:
    """Run the command."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("path", type=Path, nargs="?", default=os.environ.get(VARIABLE), help="the file of cases")
    options.add_argument("--list", action="store_true", help="print every text of the rest, and what it becomes")
    given = options.parse_args()
    if given.path is None:
        options.error(f"name the file of cases, or set {VARIABLE}")
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    report = measure(Path(given.path))
    show(report, given.list)
    foreign = report.foreign or [case for case in report.accepted if case.outcome == FOREIGN]
    return int(bool(foreign) or any(case.outcome != SAME for case in report.inside))


if __name__ == "__main__":
    sys.exit(main())
