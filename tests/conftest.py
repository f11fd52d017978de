"""For all tests: in continuous integration, property tests try the same examples each time."""

from __future__ import annotations

import os

from hypothesis import settings

# New examples belong to a developer's machine, where a finding stops nobody else's change.
settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_configure(config) -> None:
    """Marks by which tests can be chosen: `pytest -m spark`."""
    config.addinivalue_line("markers", "spark: needs pyspark 4 and Java 17; takes minutes")
