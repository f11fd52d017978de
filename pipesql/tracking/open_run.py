"""An open MLflow run, as a step sees it: parameters, metrics, inputs, artifacts, tables and tags."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAG_LIMIT = 5_000
_DIGEST_LIMIT = 36


def tag_run(run_id: str, tags: Mapping[str, Any]) -> None:
    """Set tags of a run that is not the open one."""
    from mlflow import MlflowClient

    for name, value in tags.items():
        MlflowClient().set_tag(run_id, name, str(value)[:TAG_LIMIT])


@dataclass(frozen=True)
class StepRun:
    """The open run of a step. Every method writes at once; nothing is kept until the end."""

    run_id: str
    step: str
    experiment_id: str

    def params(self, **values: Any) -> None:
        """Log parameters as `<step>.<name>`. A parameter is written once: another value for it is an error."""
        import mlflow

        mlflow.log_params({f"{self.step}.{name}": value for name, value in values.items()}, synchronous=True)

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers, grouped in the UI by what stands before `/` in their names."""
        import mlflow

        mlflow.log_metrics({k: float(v) for k, v in values.items()}, step=step, synchronous=True)

    def dataset(self, name: str, path: Path | str, digest: str, context: str = "", rows: int | None = None) -> None:
        """Record a file or folder that this run reads. `context` is what it serves for, e.g. `train` or `dev`."""
        import mlflow
        from mlflow.data.meta_dataset import MetaDataset
        from mlflow.data.sources import LocalArtifactDatasetSource
        from mlflow.exceptions import MlflowException

        profile = json.dumps({"num_rows": rows}) if rows is not None else None

        class FileDataset(MetaDataset):  # type: ignore[misc]
            """A dataset known by its digest; MLflow's own class has no row count."""

            profile: Any = None

            def to_dict(self) -> dict[str, str]:
                return {**super().to_dict(), **({"profile": profile} if profile else {})}

        source = LocalArtifactDatasetSource(str(Path(path).resolve()))
        dataset = FileDataset(source, name=name, digest=digest[:_DIGEST_LIMIT])
        try:
            mlflow.log_input(dataset, context=context or None)
        except MlflowException as error:
            # Runs that start together record the same dataset; the store looks for it and then inserts it, so one of
            # them may come too late to insert and too early to have found it. It is there now.
            if "IntegrityError" not in str(error):
                raise
            mlflow.log_input(dataset, context=context or None)

    def artifact(self, path: Path | str, folder: str = "") -> None:
        """Log a file, or the contents of a directory, under `folder` of the run's artifacts."""
        import mlflow

        if Path(path).is_dir():
            mlflow.log_artifacts(str(path), artifact_path=folder or None)
        else:
            mlflow.log_artifact(str(path), artifact_path=folder or None)

    def table(self, rows: Sequence[Mapping[str, Any]], file: str) -> None:
        """Log rows as a table that the UI can filter and compare. Columns stand in the order first seen."""
        import mlflow

        columns = list(dict.fromkeys(name for row in rows for name in row))
        mlflow.log_table({name: [row.get(name) for row in rows] for name in columns}, artifact_file=file)

    def tags(self, **values: Any) -> None:
        """Set tags by the names in `tracking.tags`; those have dots, so write `run.tags(**{tags.RECIPE: "smoke"})`."""
        import mlflow

        mlflow.set_tags({name: str(value)[:TAG_LIMIT] for name, value in values.items()}, synchronous=True)
