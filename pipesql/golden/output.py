"""The files of a build, and the manifest of what they were made from. The same input gives the same bytes."""

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

    Raises StorageError if they cannot be written.
    """
    write_jsonl(folder / GOLDEN, build.pairs)
    write_jsonl(folder / REJECTIONS, build.rejections)
    counts = report(build)
    write_json(folder / REPORT, counts)
    text = report_text(counts)
    if comparison:
        write_json(folder / REGRESSION, comparison.document())
        text += "\n" + comparison.text()
    for name, content in ((REPORT_TEXT, text), (PAGE, page(build, counts, comparison))):
        with atomic_write(folder / name) as out:
            out.write(content)


def write_manifest(
    folder: Path,
    config: Mapping[str, Any],
    questions: Sequence[Question],
    build: GoldenBuild,
    more: Mapping[str, Any],
) -> None:
    """Write `manifest.json`: configuration, code, digests of inputs and outputs, counts, and the entries of `more`.

    Write it last, since it names all other files in the folder.
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
    """Split, SHA-256 of its questions, and their number. The paths of the databases are not part of the digest."""
    for split in dict.fromkeys(q.split for q in questions):
        rows = [{**dataclasses.asdict(q), "database": ""} for q in questions if q.split == split]
        yield split, content_digest(rows), len(rows)


def artifacts(folder: Path) -> list[str]:
    """Names of the files in `folder` to log with a run; the pairs only if their file is not large."""
    names = [MANIFEST, REPORT, REPORT_TEXT, PAGE, REJECTIONS]
    names += [REGRESSION] if (folder / REGRESSION).exists() else []
    return [*names, GOLDEN] if (folder / GOLDEN).stat().st_size <= LARGEST_ARTIFACT else names
