"""For all tests: in continuous integration, property tests try the same examples each time."""

from __future__ import annotations

import os

from hypothesis import settings

# New examples belong to a developer's machine, where a finding stops nobody else's change.
settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
