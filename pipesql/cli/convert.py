"""The two conversions of the command line, each from text to text."""

from __future__ import annotations

from pathlib import Path

from pipesql.decompile import decompile
from pipesql.execution.schema import read_schema
from pipesql.pipe.lower import lower
from pipesql.pipe.parser import parse
from pipesql.pipe.printer import print_query


def standard_to_pipe(sql: str, db: Path, source: str, target: str) -> str:
    """Standard SQL of dialect `source` as pipe text of dialect `target`."""
    return print_query(decompile(sql, read_schema(db), source), target)


def pipe_to_standard(text: str, db: Path, source: str, target: str) -> str:
    """Pipe text of dialect `source` as standard SQL of dialect `target`."""
    return lower(parse(text, source), read_schema(db), target)
