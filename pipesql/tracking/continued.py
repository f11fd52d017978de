"""A registered version as the model that a further training starts from."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from pipesql.errors import InvalidOption
from pipesql.models import ModelSource, resolve_model
from pipesql.storage import whole_folder
from pipesql.tracking.registry import MODEL, get_version
from pipesql.tracking.store import project_root, use_store

SCHEME = "models:/"
_URI = re.compile(rf"{SCHEME}{MODEL}(?:/(?P<number>\d+)|@(?P<alias>[\w-]+))")
PARTS = ("model", "components/tokenizer")
"""Where MLflow's transformers flavour keeps what makes a model folder."""


def registered_as_folder(spec: str) -> str:
    """The name of a model that may be a registered version, for `resolve_model`.

    MLflow's `models:/pipesql/2` and `models:/pipesql@champion` become a folder `output/models/…` with the version's
    weights and tokenizer, which merging and resuming find again; any other name stays as it is. Raises InvalidOption
    for another `models:/` URI, and NoSuchRun if there is no such version.
    """
    if not spec.startswith(SCHEME):
        return spec
    if not (parts := _URI.fullmatch(spec)):
        raise InvalidOption(f"{spec!r} is not a version: give {SCHEME}{MODEL}/NUMBER or {SCHEME}{MODEL}@ALIAS")
    version = get_version(parts["number"] or parts["alias"])
    folder = project_root() / "output" / "models" / f"{MODEL}-{version.number}-{version.run_id[:8]}"
    if not folder.is_dir():
        _fetch(version.uri, folder)
    return str(folder)


def models_named(specs: str) -> list[ModelSource]:
    """The models of a comma-separated list, registered versions among them; an empty list gives none.

    Raises as `registered_as_folder` and `resolve_model` do.
    """
    return [resolve_model(registered_as_folder(spec.strip())) for spec in specs.split(",") if spec.strip()]


def _fetch(uri: str, folder: Path) -> None:
    """Copy the version's files: the registry's own may be on another machine, or be deleted with the version."""
    import mlflow

    use_store()
    with whole_folder(folder) as content:
        for part in PARTS:
            for file in Path(mlflow.artifacts.download_artifacts(f"{uri}/{part}")).iterdir():
                shutil.copyfile(file, content / file.name)
