"""A schema read off a standard query's own text, for use without a database (see `pipe.inferred`)."""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.bind.compound import names_itself
from pipesql.decompile.prepare.desugar import desugar
from pipesql.decompile.prepare.parse import parse
from pipesql.decompile.semantics import semantics_of
from pipesql.errors import depth_bounded
from pipesql.pipe.inferred import Inferred, Sources, needs_database
from pipesql.pipe.schema import Schema


@depth_bounded
def infer_from_standard(sql: str, dialect: str = "sqlite") -> Schema:
    """The schema that a standard query needs. Raises BadInput where its text does not say, SqlSyntaxError."""
    tree = desugar(parse(sql, dialect), semantics_of(dialect))
    found = Inferred()
    _Reader(found).query(tree, (), frozenset(), columns_matter=False)
    return found.schema()


class _Reader:
    """Reads queries, each with the range variables and CTEs in sight."""

    def __init__(self, found: Inferred) -> None:
        self.found = found

    def query(self, node: exp.Expr, around: tuple[Sources, ...], ctes: frozenset[str], columns_matter: bool) -> None:
        """Note what the query names; `columns_matter` where all columns of its result do."""
        with_ = node.args.get("with_")
        for cte in with_.expressions if with_ is not None else ():
            own = frozenset({cte.alias.lower()})
            self.query(cte.this, around, ctes | own if names_itself(cte) else ctes, True)
            ctes |= own
        if isinstance(node, exp.Subquery):
            self.query(node.this, around, ctes, columns_matter)
        elif isinstance(node, exp.SetOperation):
            self.query(node.this, around, ctes, True)
            self.query(node.expression, around, ctes, True)
        elif isinstance(node, exp.Select):
            self._select(node, around, ctes, columns_matter)

    def _select(
        self, node: exp.Select, around: tuple[Sources, ...], ctes: frozenset[str], columns_matter: bool
    ) -> None:
        from_, joins = node.args.get("from_"), node.args.get("joins") or []
        sources: Sources = {}
        for source in [from_.this, *(j.this for j in joins)] if from_ is not None else []:
            sources |= self._source(source, around, ctes)
        if any(j.args.get("using") or j.method for j in joins):
            raise needs_database("USING and NATURAL take columns of several tables")
        stars = [i for i in node.expressions if i.is_star]
        if stars and any(sources.values()) and (columns_matter or len(node.expressions) > 1):
            raise needs_database("* stands for all columns of a table, which the text does not list", "list them")
        made = {i.alias.lower() for i in node.expressions if i.alias}
        for item in node.expressions:
            self._names(item, (*around, sources), ctes, set())
        if node.args.get("distinct") is not None and node.args["distinct"].args.get("on") is not None:
            self._names(node.args["distinct"], (*around, sources), ctes, made)
        for key in ("where", "group", "having", "qualify", "order"):
            if node.args.get(key) is not None:
                self._names(node.args[key], (*around, sources), ctes, made)
        for join in joins:
            if join.args.get("on") is not None:
                self._names(join.args["on"], (*around, sources), ctes, set())

    def _source(self, node: exp.Expr, around: tuple[Sources, ...], ctes: frozenset[str]) -> Sources:
        if not isinstance(node, exp.Table):
            self.query(node, around, ctes, True)
            return {node.alias.lower(): ""}
        if node.name.lower() in ctes:
            return {node.alias_or_name.lower(): ""}
        self.found.table(node.name)
        return {node.alias_or_name.lower(): node.name}

    def _names(self, node: exp.Expr, around: tuple[Sources, ...], ctes: frozenset[str], made: set[str]) -> None:
        """Columns of an expression; those called as an output column in `made` are taken for it."""
        if isinstance(node, exp.Query | exp.Subquery):
            self.query(node, around, ctes, columns_matter=False)
        elif isinstance(node, exp.Column):
            if not isinstance(node.this, exp.Star) and (node.table or node.name.lower() not in made):
                self.found.column(node, around)
        else:
            for child in node.iter_expressions():
                self._names(child, around, ctes, made)
