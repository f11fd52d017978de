"""Standard SQL to pipe SQL, without fallback: what cannot be expressed faithfully raises UnsupportedSql."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipesql.decompile.bind import Binder
from pipesql.decompile.bound import Around
from pipesql.decompile.prepare import prepared
from pipesql.decompile.query import QueryBuilder
from pipesql.errors import SqlSyntaxError, UnsupportedSql
from pipesql.pipe.depth import depth_bounded
from pipesql.pipe.query import PipeQuery
from pipesql.pipe.schema import Schema


@depth_bounded
def decompile(sql: str, schema: Schema, dialect: str = "sqlite") -> PipeQuery:
    """The pipe form of a standard query over `schema`.

    Raises SqlSyntaxError for text that is no query, UnknownName for names that the schema does not have, and
    UnsupportedSql, naming the construct, for what has no faithful pipe form.
    """
    try:
        trees = [t for t in sqlglot.parse(sql, read=dialect) if t is not None]
    except SqlglotError as e:
        raise SqlSyntaxError(f"the query cannot be read as {dialect} SQL: {str(e).splitlines()[0]}") from e
    if len(trees) != 1:
        raise SqlSyntaxError(f"one query is expected, found {len(trees)} statements")
    tree = trees[0]
    if not isinstance(tree, exp.Query):
        raise UnsupportedSql(f"a {tree.key.upper()} statement", "only queries have a pipe form")
    binder = Binder(schema)
    binder.query(prepared(tree), Around())
    return QueryBuilder(binder).build(tree)
