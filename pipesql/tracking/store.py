"""Where runs are kept: the default store at the project root, created once, however many processes start at once.

The default is `sqlite:///<project>/mlflow.db` with the artifacts beside it in `mlruns/`; MLflow's own environment
variables (`MLFLOW_TRACKING_URI`, `MLFLOW_EXPERIMENT_NAME`, `MLFLOW_EXPERIMENT_ID`) override it.

MLflow creates a missing database when it is first used, and several processes that do so at once crash in the
schema migration. So the database is built here under another name, behind a lock, and renamed when it is complete.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING

from pipesql.errors import InvalidOption, StorageError
from pipesql.storage import whole_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "pipesql"
LOCK_SECONDS = 180.0


def project_root() -> Path:
    """The folder of runs and outputs: the checkout that the working directory is in, else that directory.

    So an installed package works in any folder, and a checkout keeps its runs together.
    """
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if is_project(folder)), here)


def is_project(folder: Path) -> bool:
    """Whether a folder holds the MLproject of pipesql."""
    try:
        return "name: pipesql" in (folder / "MLproject").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False


def command_of(step: str, **options: str) -> str:
    """How a user runs a step here: as an entry point in a checkout, else as a command of the package."""
    project = is_project(project_root())
    given = [f" -P {name}={value}" if project else f" --{name} {value}" for name, value in options.items()]
    return (f"mlflow run . -e {step}" if project else f"pipesql {step}") + "".join(given)


def ui_command() -> str:
    """How a user sees the runs of this process in MLflow's pages."""
    if is_project(project_root()) and not os.environ.get("MLFLOW_TRACKING_URI"):
        return "make ui"
    return f"mlflow ui --backend-store-uri {os.environ.get('MLFLOW_TRACKING_URI') or default_uri()}"


def place_of_runs() -> str:
    """One line for people: where this process keeps its runs."""
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        return f"runs are kept in {uri} (MLFLOW_TRACKING_URI)"
    root = project_root()
    return f"runs are kept in {root / 'mlflow.db'} and {root / 'mlruns'}; set MLFLOW_TRACKING_URI for another place"


def default_uri() -> str:
    """The tracking URI of the project's own store. Raises StorageError if an old file store is in its place."""
    from mlflow.utils.file_utils import path_to_local_sqlite_uri

    root = project_root()
    for meta in (root / "mlruns").glob("[0-9]*/meta.yaml"):
        # Such a file makes MLflow return to its file store, which it no longer supports.
        raise StorageError(
            f"{meta} is from an old file store and would make MLflow ignore mlflow.db: move mlruns/ away"
        )
    return str(path_to_local_sqlite_uri(str(root / "mlflow.db")))


def use_store() -> str:
    """Point MLflow at the store of this process, create what is missing, and return the experiment's id.

    The store is `MLFLOW_TRACKING_URI` where that is set, else the project's own; the experiment is the one that
    MLflow's environment variables name, else `pipesql`. Raises StorageError or InvalidOption if it cannot be used.
    """
    import mlflow

    # Its report of a failed statement is a page long, and the exception says the same.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    uri = os.environ.get("MLFLOW_TRACKING_URI") or default_uri()
    mlflow.set_tracking_uri(uri)
    return ensure_experiment(uri)


def ensure_experiment(uri: str) -> str:
    """Create the store at `uri` and its experiment where they are missing; returns the experiment's id."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    named = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    database = _sqlite_file(uri)
    try:
        if database is not None:
            _ensure_database(database, uri)
        client = MlflowClient(tracking_uri=uri)
        if number := os.environ.get("MLFLOW_EXPERIMENT_ID"):
            return str(client.get_experiment(number).experiment_id)
        if found := client.get_experiment_by_name(named):
            return str(found.experiment_id)
        return _create_experiment(client, named, database)
    except MlflowException as e:
        raise StorageError(f"the tracking store {uri} cannot be used: {e}") from e


def _sqlite_file(uri: str) -> Path | None:
    """The database file of an SQLite URI; None for a server, another database or one in memory."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if not uri.startswith("sqlite"):
        return None
    try:
        database = make_url(uri).database
    except ArgumentError as e:
        raise InvalidOption(
            f"MLFLOW_TRACKING_URI {uri!r} is not a database URI: write sqlite:///path/to/mlflow.db"
        ) from e
    return None if not database or database == ":memory:" else Path(database).absolute()


def _ensure_database(database: Path, uri: str) -> None:
    """Build MLflow's tables in a scratch file, which becomes `database` when it is whole."""
    if _has_schema(database):
        return
    from filelock import Timeout
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy.engine import make_url

    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        with _locked(database):
            if _has_schema(database):
                return
            with whole_path(database) as scratch:
                scratch_uri = make_url(uri).set(database=str(scratch)).render_as_string(hide_password=False)
                store = SqlAlchemyStore(scratch_uri, (database.parent / "mlruns").as_uri())
                store._dispose_engine()
    except Timeout as e:
        raise StorageError(f"another process has been creating {database} for over {LOCK_SECONDS:.0f} s: end it") from e
    except OSError as e:
        raise StorageError(
            f"cannot create the tracking database {database}: {e.strerror or e}; free space there or make it writable"
        ) from e


def _create_experiment(client: MlflowClient, name: str, database: Path | None) -> str:
    """Create an experiment, its artifacts beside the database whatever the working directory is."""
    if database is None:
        return str(client.create_experiment(name))
    with _locked(database):
        if found := client.get_experiment_by_name(name):
            return str(found.experiment_id)
        return str(client.create_experiment(name, artifact_location=(database.parent / "mlruns" / name).as_uri()))


def _locked(database: Path) -> AbstractContextManager[object]:
    from filelock import FileLock

    return FileLock(f"{database}.lock", timeout=LOCK_SECONDS)


def _has_schema(database: Path) -> bool:
    """True if the file is a database that holds MLflow's tables. Raises StorageError if it is something else."""
    if not database.exists() or database.stat().st_size == 0:
        return False
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=60)) as db:
            return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone())
    except sqlite3.DatabaseError as e:
        raise StorageError(f"{database} is not a tracking database ({e}): move it away and run again") from e
