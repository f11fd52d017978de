"""The files of a build, and the manifest that says what they were made from. Same input, same bytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipesql.golden.build import GoldenBuild
from pipesql.golden.page import page
from pipesql.golden.regression import Comparison
from pipesql.golden.report import report, report_text
from pipesql.records import Question
from pipesql.storage import atomic_write, code_version, content_digest, file_digest, write_json, write_jsonl

GOLDEN = "golden.jsonl"
REJECTIONS = "rejections.jsonl"
REPORT = "report.json"
REPORT_TEXT = "report.txt"
PAGE = "report.html"
REGRESSION = "regression.json"
MANIFEST = "manifest.json"

COUNTED = ("questions", "gold_executes", "decidable", "golden", "rejected", "share", "share_decidable")
"""The counts of the report that the manifest repeats."""

LARGEST_ARTIFACT = 50_000_000
"""Bytes up to which the golden pairs themselves are logged with a run."""


def write(folder: Path, build: GoldenBuild, comparison: Comparison | None = None) -> None:
    """Write pairs, rejections and the report into `folder`, and the comparison with an earlier build if there is one.

    Raises BadInput where that cannot be written.
    """
    write_jsonl(folder / GOLDEN, build.pairs)
    write_jsonl(folder / REJECTIONS, build.rejections)
    counts = report(build)
    write_json(folder / REPORT, counts)
    said = report_text(counts)
    if comparison:
        write_json(folder / REGRESSION, comparison.document())
        said += "\n" + comparison.text()
    for name, text in ((REPORT_TEXT, said), (PAGE, page(build, counts, comparison))):
        with atomic_write(folder / name) as out:
            out.write(text)


def write_manifest(
    folder: Path,
    config: Mapping[str, Any],
    questions: Sequence[Question],
    build: GoldenBuild,
    more: Mapping[str, Any],
) -> None:
    """Write `manifest.json`: configuration, code, inputs and outputs by digest, counts, and what `more` holds.

    The last file of a folder: it names all others that are there.
    """
    counts = report(build)
    write_json(
        folder / MANIFEST,
        {
            "config": dict(config),
            "code": code_version(),
            "inputs": {
                "questions": {split: digest for split, digest, _ in question_digests(questions)},
                "databases": build.databases,
            },
            "counts": {name: counts[name] for name in COUNTED},
            **more,
            "files": {p.name: file_digest(p) for p in sorted(folder.iterdir()) if p.name != MANIFEST},
        },
    )


def question_digests(questions: Sequence[Question]) -> Iterator[tuple[str, str, int]]:
    """Split, SHA-256 of its questions, and how many they are. Where the databases lie does not count."""
    for split in dict.fromkeys(q.split for q in questions):
        rows = [{**dataclasses.asdict(q), "database": ""} for q in questions if q.split == split]
        yield split, content_digest(rows), len(rows)


def artifacts(folder: Path) -> list[str]:
    """Names of the files in `folder` that are logged with a run: the pairs themselves only if they are not large."""
    names = [MANIFEST, REPORT, REPORT_TEXT, PAGE, REJECTIONS]
    names += [REGRESSION] if (folder / REGRESSION).exists() else []
    return [*names, GOLDEN] if (folder / GOLDEN).stat().st_size <= LARGEST_ARTIFACT else names
