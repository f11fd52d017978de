"""Groups done by a Spark session: the same function on the same groups, so the outcomes are the same.

`SPARK_MASTER` names the master (`spark://host:7077`, `yarn`, `k8s://…`; default: `local[*]`, all cores here).
Every executor needs pipesql in its Python, and the databases at the paths of the questions, on shared storage.
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
    """Do all groups, one task each; they are collected when the last one is done, and the session is stopped.

    Raises BadInput if pyspark is missing or a session cannot be started, and what a group raises.
    """
    session = _session()
    try:
        # Executors may share only the databases' disk, so there is no journal: Spark itself repeats lost tasks.
        plain = [replace(group, journal="") for group in groups]
        outcomes = session.sparkContext.parallelize(plain, len(plain)).map(_attempt).collect()
    finally:
        session.stop()
    for outcome in outcomes:
        if isinstance(outcome, PipesqlError):
            raise outcome
        yield outcome


def _attempt(group: Group) -> Done | PipesqlError:
    """The finished group, or its error: an exception would come back as a Java stack trace."""
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
        raise BadInput(
            "engine=spark needs pyspark; install it by pip install 'pipesql[spark]', or use engine=local"
        ) from e
    # Workers run this Python with its packages, unless another one is named.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    master = os.environ.get(MASTER) or _LOCAL
    try:
        builder = SparkSession.builder.master(master).appName("pipesql golden build")
        return builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    except (PySparkException, OSError) as e:
        raise BadInput(
            f"cannot start a Spark session on {master} ({str(e).splitlines()[0]}); install Java 17, and check that "
            f"the cluster of {MASTER} can be reached"
        ) from e
