"""A tracking store of its own for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the store of a test module lies; it is created at first use."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def store(store_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of the module's store, which MLflow uses in the test."""
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    uri = f"sqlite:///{store_folder / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri
