"""One SELECT under construction: what it may still take in, and how it is written down.

Clauses of a SELECT run in a fixed order (FROM, WHERE, GROUP BY, HAVING, projection, DISTINCT, ORDER BY, LIMIT); an
operator joins the level while that order gives the same rows, else the level is closed and becomes a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe.identifiers import aliased, column, identifier, unique
from pipesql.pipe.scope import ScopeColumn


@dataclass
class Level:
    """`exprs` gives every column in reach as an expression over this level's sources, fully qualified."""

    source: exp.Expr | None = None
    joins: list[exp.Join] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    where: list[exp.Expr] = field(default_factory=list)
    grouped: bool = False
    keys: list[exp.Expr] = field(default_factory=list)
    having: list[exp.Expr] = field(default_factory=list)
    distinct: bool = False
    order: list[tuple[exp.Ordered, ScopeColumn | None]] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0
    compound: exp.SetOperation | None = None
    exprs: dict[ScopeColumn, exp.Expr] = field(default_factory=dict)
    windowed: set[ScopeColumn] = field(default_factory=set)
    computed_keys: set[ScopeColumn] = field(default_factory=set)
    """Keys of GROUP BY that are more than a column."""
    untouched: tuple[ScopeColumn, ...] | None = None
    """The columns that `SELECT *` would give, while no operator has changed that."""

    @property
    def plain(self) -> bool:
        """Only FROM, joins, WHERE and projections so far."""
        return not (self.grouped or self.distinct or self.closed)

    @property
    def closed(self) -> bool:
        """Rows have been cut or combined: nothing but projection and ORDER BY/LIMIT on top can be taken in."""
        return self.limit is not None or self.compound is not None

    def unique(self, name: str, taken: set[str]) -> str:
        """A range variable name that neither this level nor `taken` uses; it is reserved here."""
        name = unique(name, self.names | taken)
        self.names.add(name.lower())
        return name

    def select(self, columns: tuple[ScopeColumn, ...], names: list[str] | None = None) -> exp.Query:
        """The level as a query that gives `columns`, under `names` (default: their own, unnamed ones bare)."""
        if self.compound is not None:
            return self._compound(columns, names)
        shown = names or [c.name for c in columns]
        if names is None and self.untouched is not None and list(columns) == list(self.untouched):
            projection: list[exp.Expr] = [exp.Star()]
        else:
            projection = [self._projected(c, n) for c, n in zip(columns, shown, strict=True)]
        query = exp.Select(expressions=projection)
        if self.grouped and not self.keys and not any(map(_aggregates, projection)):
            return self._one_row(query)
        if self.source is not None:
            query.set("from_", exp.From(this=self.source))
        query.set("joins", self.joins)
        if self.where:
            query.set("where", exp.Where(this=all_of(self.where)))
        if self.keys:
            query.set("group", exp.Group(expressions=[k.copy() for k in self.keys]))
        if self.having:
            query.set("having", exp.Having(this=all_of(self.having)))
        if self.distinct:
            query.set("distinct", exp.Distinct())
        if self.order:
            query.set("order", exp.Order(expressions=[self._key(k, c, columns, shown) for k, c in self.order]))
        self._cut(query)
        self._shorten(query)
        return query

    def _one_row(self, query: exp.Select) -> exp.Select:
        """Aggregation of all rows where no aggregate is shown: COUNT makes one row of them."""
        query.set("from_", exp.From(this=as_table(self._counted(), self.unique("t", set()))))
        self._cut(query)
        return query

    def _counted(self) -> exp.Select:
        count = aliased(exp.Count(this=exp.Star()), "n")
        query = exp.Select(expressions=[count], from_=exp.From(this=self.source), joins=self.joins)
        if self.where:
            query.set("where", exp.Where(this=all_of(self.where)))
        return query

    def _projected(self, col: ScopeColumn, name: str) -> exp.Expr:
        value = self.exprs[col].copy()
        if not name or (isinstance(value, exp.Column) and value.name == name):
            return value
        return aliased(value, name)

    def _key(
        self, key: exp.Ordered, col: ScopeColumn | None, columns: tuple[ScopeColumn, ...], shown: list[str]
    ) -> exp.Expr:
        """A sort key: the output's name where it stands for a computed column, else the expression."""
        if col is not None and col in columns and not isinstance(self.exprs[col], exp.Column):
            name = shown[columns.index(col)]
            if name and [n.lower() for n in shown].count(name.lower()) == 1:
                return _ordered(key, column(name))
        return _ordered(key, key.this)

    def _compound(self, columns: tuple[ScopeColumn, ...], names: list[str] | None) -> exp.Query:
        assert self.compound is not None and not names
        query = self.compound
        if self.order:
            # by position: an engine may know a column of the first arm only by its qualified name
            places = list(columns)
            keys = [_ordered(k, exp.Literal.number(places.index(c) + 1)) for k, c in self.order if c is not None]
            query.set("order", exp.Order(expressions=keys))
        self._cut(query)
        return query

    def _cut(self, query: exp.Query) -> None:
        if self.limit is not None:
            query.set("limit", exp.Limit(expression=exp.Literal.number(self.limit)))
        if self.offset:
            query.set("offset", exp.Offset(expression=exp.Literal.number(self.offset)))

    def _shorten(self, query: exp.Select) -> None:
        """Drop qualifiers where there is one source, and no output name could be mistaken for its column."""
        if len(self.names) != 1:
            return
        names = [p.alias_or_name.lower() for p in query.selects]
        outputs = {
            n for p, n in zip(query.selects, names, strict=True) if isinstance(p, exp.Alias) or names.count(n) > 1
        }
        stack: list[exp.Expr] = [query]
        while stack:
            node = stack.pop()
            if isinstance(node, exp.Column):
                if node.table.lower() in self.names and node.name.lower() not in outputs:
                    node.set("table", None)
                continue
            stack.extend(
                child
                for child in node.iter_expressions()
                if not (isinstance(child, exp.Query | exp.Subquery) or child is self.source)
            )


def _ordered(key: exp.Ordered, value: exp.Expr) -> exp.Ordered:
    return exp.Ordered(this=value.copy(), desc=key.args.get("desc"), nulls_first=key.args.get("nulls_first"))


def _aggregates(node: exp.Expr) -> bool:
    """Whether an aggregate function of this level stands in it, not a window's own or a subquery's."""
    if isinstance(node, exp.Query):
        return False
    if isinstance(node, exp.AggFunc) and not isinstance(node.parent, exp.Window):
        return True
    return any(map(_aggregates, node.iter_expressions()))


def all_of(conditions: list[exp.Expr]) -> exp.Expr:
    """The conjunction, each condition bracketed where AND would tear it apart."""
    parts = [exp.Paren(this=c) if len(conditions) > 1 and isinstance(c, exp.Or | exp.Xor) else c for c in conditions]
    out = parts[0]
    for part in parts[1:]:
        out = exp.And(this=out, expression=part)
    return out


def as_table(query: exp.Query, name: str) -> exp.Subquery:
    """`(query) AS name`, to read from."""
    return exp.Subquery(this=query, alias=exp.TableAlias(this=identifier(name)))


def output_names(columns: tuple[ScopeColumn, ...]) -> list[str]:
    """Different names for all columns: their own, numbered where one repeats or is missing."""
    taken: set[str] = set()
    return [unique(col.name or "value", taken) for col in columns]


def renamed(query: exp.Query, columns: tuple[ScopeColumn, ...], names: list[str]) -> exp.Query:
    """The query with output names as given; they differ from its own only where those repeat or are missing."""
    if names == [c.name for c in columns]:
        return query
    selects = query.selects
    if any(s.is_star for s in selects) or len(selects) != len(names) or query.args.get("order"):
        raise UnsupportedSql("a subquery with repeated or unnamed columns", "name them with AS")
    first = query
    while isinstance(first, exp.SetOperation):
        first = first.this
    first.set("expressions", [exp.alias_(s.unalias(), identifier(n)) for s, n in zip(selects, names, strict=True)])
    return query


def rows_apart(tree: exp.Query) -> exp.Query:
    """The query with a column qualified where it has its table's name, which GoogleSQL reads as the whole row."""
    for select in tree.find_all(exp.Select):
        source = select.args.get("from_")
        name = source.this.alias_or_name.lower() if source is not None else ""
        if not name or select.args.get("joins"):
            continue
        for node in select.find_all(exp.Column):
            if not node.table and node.name.lower() == name and node.find_ancestor(exp.Select) is select:
                node.set("table", identifier(source.this.alias_or_name))
    return tree
