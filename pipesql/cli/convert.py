"""The two conversions of the command line, each from text to text; each imports what it alone needs when it starts."""

from __future__ import annotations

from pathlib import Path

from pipesql.execution.schema import read_schema
from pipesql.pipe.inferred import complete, infer_from_pipe


def standard_to_pipe(sql: str, db: Path | None, source: str, target: str, keep_names: bool = False) -> str:
    """Standard SQL of dialect `source` as pipe text of dialect `target`, in normal form or with its own names.

    Without a database the schema is read off the query. Raises PipesqlError.
    """
    from pipesql.decompile import decompile
    from pipesql.decompile.infer import infer_from_standard
    from pipesql.pipe.printer import print_query

    schema = infer_from_standard(sql, source) if db is None else read_schema(db)
    text = print_query(decompile(sql, schema, source, keep_names=keep_names), target)
    return complete(text) if db is None else text


def pipe_to_standard(text: str, db: Path | None, source: str, target: str) -> str:
    """Pipe text of dialect `source` as standard SQL of dialect `target`.

    Without a database the schema is read off the query. Raises PipesqlError.
    """
    from pipesql.pipe.lower import lower
    from pipesql.pipe.parser import parse

    query = parse(text, source)
    if db is None:
        return complete(lower(query, infer_from_pipe(query), target))
    return lower(query, read_schema(db), target)
