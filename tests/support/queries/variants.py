"""The same query in other words: random case, other aliases, identifiers in quotes. It must give the same pipe text.

What names the result stays as it is: aliases of outputs, names of CTEs and their column lists. A name that no table
has and that stands in double quotes is a text in SQLite, and stays too.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator

import sqlglot
from sqlglot import exp

from pipesql.pipe.schema import Schema


def variants(sql: str, schema: Schema, seed: int) -> Iterator[tuple[str, str]]:
    """The kind of change and the changed query; nothing for a query that has no such form."""
    for kind, change in (("case", _other_case), ("aliases", _other_aliases), ("quotes", _quoted)):
        tree = sqlglot.parse_one(sql, read="sqlite")
        if kind == "aliases" and any(isinstance(s.this, exp.Table) for s in tree.find_all(exp.Subquery)):
            continue  # brackets around joins: an alias there would hide the tables inside
        change(tree, schema, random.Random(f"{seed}{kind}"))
        yield kind, tree.sql("sqlite", comments=False)


def plain(sql: str) -> str:
    """The query as sqlglot writes it, from which the variants differ by names alone."""
    return sqlglot.parse_one(sql, read="sqlite").sql("sqlite", comments=False)


def _other_case(tree: exp.Expr, schema: Schema, chance: random.Random) -> None:
    for name in _names(tree, schema):
        mixed = "".join(ch.upper() if chance.random() < 0.5 else ch.lower() for ch in name.name if ch.isascii())
        if len(mixed) == len(name.name):
            name.set("this", mixed)


def _quoted(tree: exp.Expr, schema: Schema, chance: random.Random) -> None:
    for name in _names(tree, schema):
        name.set("quoted", True)


def _names(tree: exp.Expr, schema: Schema) -> list[exp.Identifier]:
    """The identifiers that refer to tables, columns and range variables."""
    known = {c.name.lower() for t in schema for c in t.columns}
    known |= {a.alias.lower() for a in tree.find_all(exp.Alias, exp.CTE, exp.Subquery, exp.Table) if a.alias}
    found: list[exp.Identifier] = []
    for node in tree.find_all(exp.Column, exp.Table, exp.Subquery, exp.Join):
        parts = [node.args.get("this"), node.args.get("table"), *(node.args.get("using") or [])]
        if isinstance(node, exp.Column) and not node.table and node.name.lower() not in known:
            continue
        if isinstance(node, exp.Table | exp.Subquery) and node.args.get("alias") is not None:
            parts.append(node.args["alias"].this)
        found += [p for p in parts if isinstance(p, exp.Identifier)]
    return found


def _other_aliases(tree: exp.Expr, schema: Schema, chance: random.Random) -> None:
    numbers = itertools.count(1)
    _Renamer(lambda: f"v{next(numbers)}x").query(tree, {})


class _Renamer:
    """Gives every entry of every FROM another alias."""

    def __init__(self, fresh: Callable[[], str]) -> None:
        self.fresh = fresh

    def query(self, node: exp.Expr, around: dict[str, str]) -> None:
        """Rename in a query of any shape; `around` are the aliases of the queries around it, old and new."""
        if isinstance(node, exp.Select):
            self._select(node, around)
            return
        for child in node.iter_expressions():
            self.query(child, around)

    def _select(self, node: exp.Select, around: dict[str, str]) -> None:
        from_, joins = node.args.get("from_"), node.args.get("joins") or []
        sources = [s.this for s in ([from_] if from_ is not None else []) + joins]
        own: dict[str, str] = {}
        for source in sources:
            if isinstance(source, exp.Values):
                continue
            new = self.fresh()
            own.setdefault(source.alias_or_name.lower(), new)
            if isinstance(source, exp.Subquery):
                self.query(source.this, around)
            source.set("alias", exp.TableAlias(this=exp.to_identifier(new)))
        if node.args.get("with_") is not None:
            self.query(node.args["with_"], around)
        seen = {**around, **own}
        for key, value in node.args.items():
            parts = value if isinstance(value, list) else [value]
            for part in parts:
                if isinstance(part, exp.Join):
                    part = part.args.get("on")
                if isinstance(part, exp.Expr) and key not in ("from_", "with_"):
                    self._expression(part, seen)

    def _expression(self, node: exp.Expr, seen: dict[str, str]) -> None:
        if isinstance(node, exp.Select):
            self._select(node, seen)
        elif isinstance(node, exp.Column) and node.table and node.table.lower() in seen:
            node.set("table", exp.to_identifier(seen[node.table.lower()]))
        else:
            for child in node.iter_expressions():
                self._expression(child, seen)
