"""GoogleSQL itself: what sqlglot's writer for BigQuery would change."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.engines.shared.rules import Rule, call, rewrite


def _read(node: exp.Expr) -> exp.Expr:
    """PARSE_DATE: sqlglot abbreviates its format to one that GoogleSQL cannot read with."""
    return call("PARSE_DATE", node.args["format"], node.this)


RULES: dict[type[exp.Expr], Rule] = {exp.StrToDate: _read}


def for_bigquery(tree: exp.Query) -> exp.Query:
    """The tree as sqlglot must be given it to write GoogleSQL, changed in place."""
    return rewrite(tree, RULES)
