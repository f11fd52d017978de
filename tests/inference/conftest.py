"""The database and the questions that answers are evaluated on."""

from __future__ import annotations

from tests.evaluate.conftest import database, golden

__all__ = ["database", "golden"]
