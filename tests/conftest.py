"""For all tests: the order in which files start, and in continuous integration the same examples each time.

Tests are spread over workers by file. The files that take longest start first, by the seconds in `durations.json`: one
that starts last would keep the other workers waiting. `PIPESQL_UPDATE_DURATIONS=1 make test` writes that table anew.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Container
from pathlib import Path

import pytest
from hypothesis import settings

# New examples belong to a developer's machine, where a finding stops nobody else's change.
settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

DURATIONS = Path(__file__).with_name("durations.json")
WORTH_A_LINE = 3.0
"""Seconds from which a file is listed; the others start in any order."""
measured: dict[str, Counter[str]] = {"short": Counter(), "long": Counter()}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the files that take longest first."""
    known = json.loads(DURATIONS.read_text(encoding="utf-8"))
    items.sort(key=lambda item: -known[tier(item.keywords)].get(item.nodeid.partition("::")[0], 0))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    measured[tier(report.keywords)][report.nodeid.partition("::")[0]] += report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table of the tiers that ran, if asked to; the workers of pytest-xdist leave it to their controller."""
    if os.environ.get("PIPESQL_UPDATE_DURATIONS") and not hasattr(session.config, "workerinput"):
        known = json.loads(DURATIONS.read_text(encoding="utf-8"))
        for name, files in measured.items():
            if files:
                known[name] = {file: round(s) for file, s in files.most_common() if s >= WORTH_A_LINE}
        DURATIONS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def tier(keywords: Container[str]) -> str:
    """The tier of a test, by its keywords: `make test` runs the short ones, `make test-long` the long ones."""
    return "long" if "long" in keywords else "short"
