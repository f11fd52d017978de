"""A schema read off a query's own text, for use without a database: the tables it reads, the columns it names.

That is enough where every column's table is known (it is qualified, or there is one table) and the columns that the
query does not name do not matter. Types stay unknown. Anything else raises BadInput, which asks for a database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.errors import BadInput
from pipesql.pipe import operators as op
from pipesql.pipe.expressions import truth
from pipesql.pipe.query import Cte, PipeQuery, nested, nested_queries
from pipesql.pipe.resolving.pivots import value_name
from pipesql.pipe.schema import REST, Column, Schema, Table

Sources = dict[str, str]
"""The table that each range variable, in lower case, stands for; empty for a query."""


@dataclass
class Inferred:
    """Tables and columns found so far, in the order met."""

    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    spelling: dict[str, str] = field(default_factory=dict)

    def table(self, name: str) -> None:
        """Note that a table is read."""
        self.tables.setdefault(name.lower(), {})
        self.spelling.setdefault(name.lower(), name)

    def column(self, node: exp.Column, around: tuple[Sources, ...]) -> None:
        """Note a column. `around` are the range variables in sight, innermost query last."""
        name, qualifier = node.name, node.table.lower()
        for sources in reversed(around):
            if qualifier in sources:
                self._add(sources[qualifier], name)
                return
            if not qualifier and sources:
                if len(sources) > 1:
                    raise needs_database(f"column {name} may belong to {' or '.join(sources)}", "qualify it")
                self._add(next(iter(sources.values())), name)
                return
        if qualifier:
            raise needs_database(f"nothing in the query is called {node.table}")

    def _add(self, table: str, column: str) -> None:
        if table:
            self.tables[table.lower()].setdefault(column.lower(), column)

    def schema(self) -> Schema:
        """What was found. Every table gets one column more, `REST`, which stands for those that are not named."""
        return Schema(
            tuple(
                Table(self.spelling[t], (*(Column(c) for c in columns.values()), Column(REST)))
                for t, columns in self.tables.items()
            ),
            partial=True,
        )


def complete(text: str) -> str:
    """The text, written with an inferred schema. Raises BadInput where it would have to list all columns."""
    if REST in text:
        raise needs_database("all columns of a table would have to be listed", "list them")
    return text


def needs_database(why: str, instead: str = "") -> BadInput:
    """The error for a query whose text does not say what its names mean; what may be done `instead` comes first."""
    return BadInput(f"{why}: {f'{instead}, or ' if instead else ''}name the database with --db FILE")


def infer_from_pipe(query: PipeQuery) -> Schema:
    """The schema that a pipe query needs. Raises BadInput where its text does not say."""
    found = Inferred()
    _PipeReader(found, frozenset()).query(query, (), columns_matter=False)
    return found.schema()


_ALL_COLUMNS = (op.Distinct, op.SetOperation, op.Pivot, op.Unpivot)


class _PipeReader:
    """Reads pipe queries. `ctes` are the names that mean a CTE."""

    def __init__(self, found: Inferred, ctes: frozenset[str]) -> None:
        self.found = found
        self.ctes = ctes

    def query(self, query: PipeQuery, around: tuple[Sources, ...], columns_matter: bool) -> None:
        """Note what the query names; `columns_matter` where all columns of its result do."""
        self.define(query.ctes, query.recursive)
        sources: Sources = {}
        made: set[str] = set()
        whole = True
        for operator in _plain(query.operators):
            if isinstance(operator, op.With):
                self.define(operator.ctes, operator.recursive)
            sources |= self._sources(operator, around)
            if isinstance(operator, op.Block):
                raise needs_database(
                    "a standard SELECT may name columns of any of its tables", "write it with FROM and |>"
                )
            if isinstance(operator, op.RecursiveUnion) or (whole and isinstance(operator, _ALL_COLUMNS)):
                raise needs_database(f"{op.keyword(operator)} takes all columns of a table")
            for node in _expressions(operator):
                self._expression(node, (*around, sources), made)
            for other in operator.queries if isinstance(operator, op.SetOperation) else ():
                self.query(other, around, True)
            made |= _names_made(operator)
            if isinstance(operator, op.As):
                only = next(iter(sources.values()), "") if len(sources) == 1 else ""
                sources = {operator.name.lower(): only}
            if isinstance(operator, op.Select | op.Aggregate):
                starred = isinstance(operator, op.Select) and any(i.is_star for i in operator.items)
                whole = whole and starred
                sources = sources if whole else {}
        plain = all(isinstance(o, op.From | op.Where | op.OrderBy | op.Limit) for o in query.operators)
        if whole and (columns_matter or not plain):
            raise needs_database(
                "the result has all columns of a table, which the text does not list", "end with SELECT"
            )

    def define(self, ctes: tuple[Cte, ...], recursive: bool) -> None:
        """WITH."""
        names = frozenset(cte.name.lower() for cte in ctes)
        self.ctes |= names if recursive else frozenset()
        for cte in ctes:
            self.query(cte.query, (), True)
            self.ctes |= {cte.name.lower()}

    def _sources(self, operator: op.Operator, around: tuple[Sources, ...]) -> Sources:
        if not isinstance(operator, op.From | op.Join):
            return {}
        if isinstance(operator, op.From) and operator.joins:
            read: list[op.Operator] = [op.From(operator.source), *operator.joins]
            tables = [self._sources(o, around) for o in read]
            return {name: table for found in tables for name, table in found.items()}
        source = operator.source
        query = nested(source.this)
        if query is not None:
            self.query(query, around, True)
            return {source.alias.lower(): ""}
        if source.name.lower() in self.ctes:
            return {source.alias_or_name.lower(): ""}
        self.found.table(source.name)
        return {source.alias_or_name.lower(): source.name}

    def _expression(self, node: exp.Expr, around: tuple[Sources, ...], made: set[str]) -> None:
        for _, query in nested_queries(node):
            self.query(query, around, columns_matter=False)
        for column in node.find_all(exp.Column):
            if not isinstance(column.this, exp.Star) and (column.table or column.name.lower() not in made):
                self.found.column(column, around)


def _plain(operators: tuple[op.Operator, ...]) -> Iterator[op.Operator]:
    """The operators, with those inside brackets and of the branch that IF takes in their places."""
    for operator in operators:
        match operator:
            case op.Nested(query, alias):
                yield from (op.With(query.ctes, query.recursive), *_plain(query.operators))
                yield from (op.As(alias),) if alias else ()
            case op.If(branches, otherwise):
                chosen = next((part for condition, part in branches if truth(condition)), otherwise)
                yield from _plain(chosen.operators if chosen is not None else ())
            case _:
                yield operator


def _expressions(operator: op.Operator) -> list[exp.Expr]:
    match operator:
        case op.From(_, joins):
            return [node for join in joins for node in _expressions(join)]
        case op.Where(condition):
            return [condition]
        case op.Join(_, _, on, using, natural):
            if using or natural:
                raise needs_database("USING takes columns of several tables")
            return [on] if on is not None else []
        case op.Extend(items, windows) | op.Select(items, windows=windows):
            return [*items, *windows]
        case op.Window(items):
            return list(items)
        case op.Assert(condition, messages):
            return [condition, *messages]
        case op.Pivot(aggregates, subject):
            return [*aggregates, subject]
        case op.Unpivot(groups=groups):
            return [exp.column(name) for group in groups for name in group.columns]
        case op.Aggregate(items, keys):
            return [*items, *keys]
        case op.OrderBy(keys):
            return list(keys)
        case op.Set(assignments):
            return [exp.column(name) for name, _ in assignments] + [value for _, value in assignments]
        case op.Rename(pairs):
            return [exp.column(old) for old, _ in pairs]
        case op.Drop(names):
            return [exp.column(name) for name in names]
        case _:
            return []


def _names_made(operator: op.Operator) -> set[str]:
    match operator:
        case op.Extend(items) | op.Select(items) | op.Window(items):
            return {i.alias_or_name.lower() for i in items}
        case op.Aggregate(items, keys):
            inside = {c.name.lower() for key in keys if not key.alias for c in key.find_all(exp.Column)}
            return inside | {i.alias_or_name.lower() for i in (*items, *keys)}
        case op.Pivot(aggregates, _, values):
            return {value_name(v, a.alias).lower() for v in values for a in aggregates}
        case op.Unpivot(values=names, name=name):
            return {n.lower() for n in (*names, name)}
        case op.Rename(pairs):
            return {new.lower() for _, new in pairs}
        case _:
            return set()
