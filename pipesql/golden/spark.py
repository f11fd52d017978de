"""Groups done by a Spark session: the same function on the same groups, so the same outcomes.

`SPARK_MASTER` says where (`spark://host:7077`, `yarn`, `k8s://…`); without it, all cores of this machine (`local[*]`).
Every executor needs pipesql in its Python, and the databases under the paths that the questions name: shared storage.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pipesql.errors import BadInput, PipesqlError
from pipesql.golden.groups import Done, Group, round_trip_group

MASTER = "SPARK_MASTER"
_LOCAL = "local[*]"


def on_spark(groups: Sequence[Group]) -> Iterator[Done]:
    """All groups, one task each; they are collected when the last one is done. The session ends with them.

    Raises BadInput where pyspark is missing or no session can be had, and what a group raises.
    """
    session = _session()
    try:
        # Executors may have no disk in common but the databases': Spark itself does lost tasks again.
        plain = [replace(group, journal="") for group in groups]
        outcomes = session.sparkContext.parallelize(plain, len(plain)).map(_attempt).collect()
    finally:
        session.stop()
    for outcome in outcomes:
        if isinstance(outcome, PipesqlError):
            raise outcome
        yield outcome


def _attempt(group: Group) -> Done | PipesqlError:
    """What a group gives, or the sentence why not: an exception would come back as a Java stack trace."""
    try:
        return round_trip_group(group)
    except BadInput as e:
        return BadInput(str(e))
    except PipesqlError as e:
        return PipesqlError(str(e))


def _session() -> Any:
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as e:
        raise BadInput("engine spark needs pyspark: install it (pip install 'pipesql[spark]'), or take local") from e
    # Workers run this Python, with the packages that it has, wherever no other one is named.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    master = os.environ.get(MASTER) or _LOCAL
    try:
        builder = SparkSession.builder.master(master).appName("pipesql golden build")
        return builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    except (PySparkException, OSError) as e:
        raise BadInput(
            f"no Spark session on {master} ({str(e).splitlines()[0]}): Spark needs Java 17, and {MASTER} a cluster "
            "that can be reached"
        ) from e
