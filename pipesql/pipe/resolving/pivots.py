"""PIVOT and UNPIVOT as the operators that they are short for.

`PIVOT (SUM(x) FOR s IN ('a', 'b'))` is AGGREGATE of `SUM(CASE WHEN s = 'a' THEN x END)` and so on, grouped by all
columns that it does not name. UNPIVOT is a CROSS JOIN with a table of labels, from which a CASE takes each value.
The columns get the names that GoogleSQL gives them.
"""

from __future__ import annotations

from collections.abc import Generator

from sqlglot import exp

from pipesql.errors import SqlError, UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.expressions import unbracketed
from pipesql.pipe.identifiers import aliased, identifier
from pipesql.pipe.query import PipeQuery, nest
from pipesql.pipe.resolving.names import Names
from pipesql.pipe.scope import Scope, ScopeColumn

Steps = Generator[op.Operator, Scope, None]
"""Operators one after another; each is answered with the scope that it gives."""

_IGNORE_NULLS = (
    *(exp.Sum, exp.Count, exp.Avg, exp.Min, exp.Max, exp.CountIf, exp.GroupConcat, exp.LogicalAnd, exp.LogicalOr),
    *(exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.ApproxDistinct),
)


def pivot(operator: op.Pivot, scope: Scope, names: Names) -> Steps:
    """PIVOT. Raises SqlError for what GoogleSQL refuses, UnsupportedSql for an aggregate that counts NULLs."""
    aggregates = [_Aggregate(item) for item in operator.aggregates]
    if len(aggregates) > 1 and not all(a.prefix for a in aggregates):
        raise SqlError("PIVOT with several aggregates needs a name for each of them: name them with AS")
    used = {c.root for c in names.used((operator.subject, *operator.aggregates), scope, "PIVOT")}
    kind = names.out.kind(operator.subject)
    items = []
    for value in operator.values:
        if value.find(exp.Column, exp.Placeholder):
            raise SqlError(f"PIVOT takes constants in IN, not {value.sql('bigquery')}")
        if kind and (found := names.out.kind(value.unalias())) and found != kind:
            raise SqlError(f"{value.sql('bigquery')} in PIVOT is not of the type of {operator.subject.sql('bigquery')}")
        items += [a.of(operator.subject, value) for a in aggregates]
    yield op.Aggregate(tuple(items), tuple(names.bind(c) for c in scope.columns if c.root not in used))
    if operator.alias:
        yield op.As(operator.alias)


class _Aggregate:
    """An aggregate function of a PIVOT, and the name that stands before those of the values."""

    def __init__(self, item: exp.Expr) -> None:
        self.call, self.prefix = item.unalias(), item.alias
        if not isinstance(self.call, exp.AggFunc):
            raise SqlError(f"PIVOT takes calls of aggregate functions, not {self.call.sql('bigquery')}")

    def of(self, subject: exp.Expr, value: exp.Expr) -> exp.Expr:
        """The aggregate over the rows where the subject has this value, under its name."""
        condition = _equal(unbracketed(subject), unbracketed(value.unalias()))
        return aliased(_where(self.call, condition), value_name(value, self.prefix))


def _equal(subject: exp.Expr, value: exp.Expr) -> exp.Expr:
    """`subject = value`, true where both are NULL; component by component if they are tuples."""
    if isinstance(subject, exp.Tuple) or isinstance(value, exp.Tuple):
        if len(subject.expressions) != len(value.expressions):
            raise SqlError(f"{value.sql('bigquery')} in PIVOT is not as wide as {subject.sql('bigquery')}")
        pairs = zip(subject.expressions, value.expressions, strict=True)
        conditions = [_equal(s, v.unalias()) for s, v in pairs]
        out = conditions[0]
        for condition in conditions[1:]:
            out = exp.And(this=out, expression=condition)
        return out
    left = exp.Paren(this=subject.copy()) if isinstance(subject, exp.Binary) else subject.copy()
    if isinstance(value, exp.Null):
        return exp.Is(this=left, expression=exp.Null())
    if isinstance(value, exp.Literal | exp.Neg | exp.Boolean):
        return exp.EQ(this=left, expression=value.copy())
    return exp.NullSafeEQ(this=left, expression=value.copy())


def _where(call: exp.Expr, condition: exp.Expr) -> exp.Expr:
    """The aggregate function over the rows for which the condition is true: the others give NULL."""
    call = call.copy()
    if isinstance(call, exp.AnyValue) and not isinstance(call.this, exp.HavingMax):
        call = exp.Max(this=call.this)  # ANY_VALUE may choose the NULL of another row
    if not isinstance(call, _IGNORE_NULLS) or isinstance(call.this, exp.HavingMax | exp.Order):
        raise UnsupportedSql(f"{call.sql('bigquery')[:40]} in PIVOT", "only aggregates that skip NULL")
    if isinstance(call, exp.CountIf):  # an engine's own may give NULL for none
        call = exp.Count(this=exp.Case(ifs=[exp.If(this=call.this, true=exp.Literal.number(1))]))
    argument = call.this
    if argument is None:
        raise SqlError(f"{call.sql('bigquery')} in PIVOT needs an argument")
    inside = argument.expressions[0] if isinstance(argument, exp.Distinct) else argument
    kept = exp.Literal.number(1) if isinstance(inside, exp.Star) else inside.copy()
    chosen = exp.Case(ifs=[exp.If(this=condition, true=kept)])
    if isinstance(argument, exp.Distinct):
        if len(argument.expressions) != 1:
            raise UnsupportedSql("DISTINCT of several expressions in PIVOT")
        chosen = exp.Distinct(expressions=[chosen])
    call.set("this", chosen)
    return call


def value_name(item: exp.Expr, prefix: str) -> str:
    """How GoogleSQL calls the column of a value in IN. Raises SqlError for a value that must be named."""
    if item.alias:
        return f"{prefix}_{item.alias}" if prefix else item.alias
    value = unbracketed(item)
    parts = [_part(v) for v in (value.expressions if isinstance(value, exp.Tuple) else [value])]
    text = "_".join(parts)
    if prefix:
        return f"{prefix}_{text or '_empty_string_value'}"
    if not text:
        return "empty_string_value"
    first = value.expressions[0] if isinstance(value, exp.Tuple) else value
    bare = isinstance(first, exp.Literal) and first.is_string
    return f"_{text}" if text[0].isdigit() and not bare else text


def _part(value: exp.Expr) -> str:
    match value:
        case exp.Literal() if value.is_string or value.is_int:
            return str(value.name)
        case exp.Neg(this=exp.Literal() as literal) if literal.is_int:
            return f"minus_{literal.name}"
        case exp.Null():
            return "NULL"
        case exp.Boolean():
            return "true" if value.this else "false"
        case exp.Cast(this=exp.Literal() as literal) if value.to.is_type("date"):
            return str(literal.name).replace("-", "_")
    raise SqlError(f"{value.sql('bigquery')} in PIVOT needs a name: write AS")


def unpivot(operator: op.Unpivot, scope: Scope, names: Names) -> Steps:
    """UNPIVOT. Raises SqlError for what GoogleSQL refuses."""
    groups = [tuple(scope.find(name) for name in group.columns) for group in operator.groups]
    _require_rows(operator, groups)
    labels = _labels(operator)
    keys = labels
    if len({label.sql() for label in labels}) != len(labels):  # then a number tells the groups from each other
        keys = [exp.Literal.number(place) for place in range(1, len(labels) + 1)]
    table = "labels"
    while table in scope.variables:
        table += "_2"
    joined = yield op.Join("CROSS", _table_of(operator.name, labels, keys, table))
    key, label = joined.columns[len(scope.columns)], joined.columns[-1]
    values = [
        exp.Case(
            this=names.bind(key),
            ifs=[exp.If(this=k.copy(), true=names.bind(g[at])) for k, g in zip(keys, groups, strict=True)],
        )
        for at in range(len(operator.values))
    ]
    extended = yield op.Extend(tuple(aliased(v, name) for v, name in zip(values, operator.values, strict=True)))
    made = extended.columns[len(joined.columns) :]
    if operator.nulls != "INCLUDE":
        yield op.Where(_any_value(made, names))
    taken = {column.root for group in groups for column in group}
    kept = (*(c for c in scope.columns if c.root not in taken), *made, label)
    yield op.Select(tuple(names.bind(c) for c in kept))
    if operator.alias:
        yield op.As(operator.alias)


def _require_rows(operator: op.Unpivot, groups: list[tuple[ScopeColumn, ...]]) -> None:
    """Every group is a row of the values: as wide, of their types, of columns that stand once."""
    flat = [column for group in groups for column in group]
    roots = [column.root for column in flat]
    for column in flat:
        if roots.count(column.root) > 1:
            raise SqlError(f"UNPIVOT names {column.name} twice")
    if any(len(group) != len(operator.values) for group in groups):
        raise SqlError(f"UNPIVOT needs {len(operator.values)} columns in each group of IN")
    for at, name in enumerate(operator.values):
        kinds = {group[at].kind for group in groups if group[at].kind}
        if len(kinds) > 1:
            raise SqlError(f"UNPIVOT: the columns that become {name} have different types: cast them with SET")


def _labels(operator: op.Unpivot) -> list[exp.Expr]:
    """What stands in the name column for each group: its label, or the names of its columns as written."""
    labels: list[exp.Expr] = []
    for written in operator.groups:
        label = written.label
        if label is None:
            labels.append(exp.Literal.string("_".join(written.columns)))
        elif isinstance(label, exp.Literal) and (label.is_string or label.is_int):
            labels.append(label.copy())
        else:
            raise SqlError(f"a label of UNPIVOT is a string or a whole number, not {label.sql('bigquery')}")
    if len({isinstance(label, exp.Literal) and label.is_string for label in labels}) > 1:
        raise SqlError("labels of UNPIVOT must be all strings or all numbers, and then all written")
    return labels


def _table_of(name: str, labels: list[exp.Expr], keys: list[exp.Expr], table: str) -> exp.Expr:
    """A nested query that gives the labels, a row each, behind their keys if those are others."""
    rows = [(label,) if key is label else (key, label) for key, label in zip(keys, labels, strict=True)]
    heads = (name,) if keys is labels else ("place", name)
    first = op.Select(tuple(aliased(cell.copy(), head) for cell, head in zip(rows[0], heads, strict=True)))
    rest = tuple(PipeQuery((op.Select(tuple(cell.copy() for cell in row)),)) for row in rows[1:])
    query = PipeQuery((first, op.SetOperation("UNION", False, rest)) if rest else (first,))
    return exp.Subquery(this=nest(query), alias=exp.TableAlias(this=identifier(table)))


def _any_value(columns: tuple[ScopeColumn, ...], names: Names) -> exp.Expr:
    """Whether one of the columns is not NULL."""
    out: exp.Expr | None = None
    for column in columns:
        filled = exp.Not(this=exp.Is(this=names.bind(column), expression=exp.Null()))
        out = filled if out is None else exp.Or(this=out, expression=filled)
    assert out is not None
    return out
