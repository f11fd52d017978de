"""A PostgreSQL server of the test run's own: in a temporary folder, on a Unix socket, gone at the end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_ACCOUNT = "postgres"
"""Whose processes they are where the tests run as root, as which PostgreSQL does not start."""


def _program(name: str) -> str:
    found = shutil.which(name) or next((str(f / name) for f in _FOLDERS if (f / name).exists()), None)
    if found is None:
        pytest.skip(f"PostgreSQL is not installed: {name} is missing")
    return found


@contextmanager
def server() -> Iterator[Any]:
    """A connection (psycopg, autocommit) to a fresh server. Skips the test where PostgreSQL or psycopg is missing."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
    initdb, postgres = _program("initdb"), _program("postgres")
    account = _ACCOUNT if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        data = Path(folder) / "data"
        if account is not None:
            try:
                shutil.chown(folder, account)
            except LookupError:
                pytest.skip(f"PostgreSQL does not start as root, and there is no account {account}")
        made = subprocess.run(
            [initdb, "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            capture_output=True,
            text=True,
            check=False,
            user=account,
            cwd=folder,
        )
        if made.returncode:
            pytest.skip(f"PostgreSQL does not start here: {made.stderr.strip().splitlines()[-1:]}")
        options = ["-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen([postgres, *options], stdout=quiet, stderr=quiet, user=account, cwd=folder)
        try:
            connection = _connect(psycopg, folder, process)
            try:
                yield connection
            finally:
                connection.close()
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown
            process.wait(30)


def _connect(psycopg: Any, folder: str, process: subprocess.Popen[bytes]) -> Any:
    """Once the server answers."""
    for _ in range(100):
        if process.poll() is not None:
            pytest.skip("PostgreSQL does not start here")
        try:
            return psycopg.connect(host=folder, user="test", dbname="postgres", autocommit=True)
        except psycopg.OperationalError:
            time.sleep(0.1)
    pytest.skip("PostgreSQL does not answer")
