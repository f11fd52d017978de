"""Runs and versions of an earlier pipesql, restored from `tests/fixtures/registered_before` into a project folder."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from peft import PeftConfig
from safetensors.torch import load_file, save_file

from pipesql.models import resolve_model
from pipesql.tracking.store import ensure_experiment

ARCHIVE = Path(__file__).resolve().parents[1] / "fixtures" / "registered_before" / "registered.tar.xz"
PLACE = "@PROJECT@"
"""Stands in the archive where the project's folder stood."""


def restore(scratch: Path) -> Path:
    """Unpack the archive in `scratch`; returns the project's folder, whose store is `mlflow.db` in it."""
    with tarfile.open(ARCHIVE) as packed:
        packed.extractall(scratch, filter="data")
    project = scratch / "project"
    for path in project.rglob("*"):
        if path.is_file() and PLACE.encode() in (content := path.read_bytes()):
            path.write_bytes(content.replace(PLACE.encode(), str(project).encode()))
    rows = json.loads((scratch / "store.json").read_text(encoding="utf-8").replace(PLACE, str(project)))
    restore_store(project / "mlflow.db", rows)
    for version in json.loads((scratch / "weights.json").read_text(encoding="utf-8")):
        restore_weights(project, **version)
    return project


def restore_store(database: Path, rows: dict[str, dict[str, Any]]) -> None:
    """Create the store with the tables of the MLflow that is installed, and put the rows in the place of its own."""
    ensure_experiment(f"sqlite:///{database}")
    with closing(sqlite3.connect(database)) as store, store:
        for table, found in rows.items():
            columns = ", ".join(f'"{column}"' for column in found["columns"])
            marks = ", ".join("?" * len(found["columns"]))
            store.execute(f'DELETE FROM "{table}"')
            store.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', found["rows"])


def restore_weights(project: Path, file: str, adapter: str, strength: float, sums: dict[str, list[float]]) -> None:
    """Write a version's weights: those of `tiny`, and what the adapter adds to them. Their sums must be the recorded
    ones: [sum, sum of absolute values] by tensor."""
    config = PeftConfig.from_pretrained(str(project / adapter))
    added = load_file(project / adapter / "adapter_model.safetensors")
    weights = load_file(resolve_model("tiny").path / "model.safetensors")
    for name in [name for name in added if name.endswith(".lora_A.weight")]:
        layer = name.removesuffix(".lora_A.weight")
        change = added[f"{layer}.lora_B.weight"] @ added[name] * (config.lora_alpha / config.r)
        weights[f"{layer.removeprefix('base_model.model.')}.weight"] += change * strength
    assert {name: [w.double().sum().item(), w.double().abs().sum().item()] for name, w in weights.items()} == {
        name: pytest.approx(known, rel=1e-5, abs=1e-2) for name, known in sums.items()
    }
    save_file(weights, project / file, metadata={"format": "pt"})
