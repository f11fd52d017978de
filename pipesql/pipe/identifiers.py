"""Names: when one must be quoted in pipe text, nodes made of them, and what to suggest for one that means nothing.

Sources: GoogleSQL's lexical reference (identifiers, reserved keywords), and sqlglot's parser: a name that it would not
read back as a plain column or table is quoted too.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

_RESERVED = """all and any array as asc assert_rows_modified at between by case cast collate contains create cross cube
    current default define desc distinct else end enum escape except exclude exists extract false fetch following for
    from full group grouping groups hash having if ignore in inner intersect interval into is join lateral left like
    limit lookup merge natural new no not null nulls of on or order outer over partition preceding proto qualify range
    recursive respect right rollup rows select set some struct tablesample then to treat true unbounded union unnest
    using when where window with within"""
RESERVED = frozenset(_RESERVED.split())


@lru_cache(maxsize=65536)
def needs_quotes(name: str) -> bool:
    """Whether `name` must stand in backticks (the answer is cached)."""
    if not (name.isascii() and name.replace("_", "a").isalnum()) or name[0].isdigit() or name.lower() in RESERVED:
        return True
    try:
        tree = sqlglot.parse_one(f"SELECT {name}, x.{name}, 1 AS {name} FROM {name} JOIN y AS {name}", read="bigquery")
    except SqlglotError:
        return True
    plain, qualified, aliased = tree.selects
    source = tree.args["from_"].this
    joined = tree.args["joins"][0].this
    return not (
        isinstance(plain, exp.Column)
        and plain.name == name
        and isinstance(qualified, exp.Column)
        and qualified.name == name
        and aliased.alias == name
        and isinstance(source, exp.Table)
        and source.name == name
        and not source.alias
        and joined.alias == name
    )


def identifier(name: str) -> exp.Identifier:
    """A sqlglot identifier, quoted only where pipe text needs it."""
    return exp.Identifier(this=name, quoted=needs_quotes(name))


def column(name: str, table: str = "") -> exp.Column:
    """`name` or `table.name`."""
    return exp.Column(this=identifier(name), table=identifier(table)) if table else exp.Column(this=identifier(name))


def aliased(expression: exp.Expr, name: str) -> exp.Expr:
    """`expression AS name`."""
    return exp.Alias(this=expression, alias=identifier(name))


def unique(name: str, taken: set[str]) -> str:
    """`name`, numbered if another column has it; it is added to `taken` (lower case)."""
    base, number = name, 2
    while name.lower() in taken:
        name, number = f"{base}_{number}", number + 1
    taken.add(name.lower())
    return name


_SHOWN = 12


def suggestion(name: str, names: Iterable[str]) -> str:
    """What to write for a name that means nothing, to end a sentence with: the nearest names, else those there are."""
    spelling = {known.lower(): known for known in names if known}
    near = [spelling[found] for found in difflib.get_close_matches(name.lower(), list(spelling), n=3, cutoff=0.5)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    if not spelling:
        return "nothing has a name"
    shown, more = list(spelling.values())[:_SHOWN], ", …" if len(spelling) > _SHOWN else ""
    return f"there {'are' if len(spelling) > 1 else 'is only'} {', '.join(shown)}{more}"
