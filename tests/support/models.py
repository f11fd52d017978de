"""Real weights, in the tests that are about them."""

from __future__ import annotations

import pytest

from pipesql.errors import ModelUnavailable
from pipesql.models import resolve_model
from pipesql.models.folder import ModelSource

TINY_AND_SMOL = ["tiny", pytest.param("smol", marks=pytest.mark.long)]
"""Parameters of a fixture: the random model, and in the long tier the real one."""


def model_or_skip(name: str) -> ModelSource:
    """A model from the cache, else fetched and converted now; skips the test where it cannot be had."""
    try:
        return resolve_model(name)
    except ModelUnavailable as e:
        pytest.skip(str(e))
