"""Binding of what is made of several queries: WITH, recursion included, and set operations."""

from __future__ import annotations

from sqlglot import exp

from pipesql.decompile.bind.bindings import Around, Output, arms
from pipesql.decompile.bind.names import QueryBinder
from pipesql.decompile.bind.tables import rename_outputs, renamed
from pipesql.decompile.prepare.parse import limit
from pipesql.errors import SqlSyntaxError, UnknownName, UnsupportedSql
from pipesql.pipe.expressions import unbracketed
from pipesql.pipe.identifiers import identifier, suggestion

OUTPUT = "§"
"""The qualifier of a bound column that is an output of a set operation; the column's name is its position."""


def bind_ctes(binder: QueryBinder, with_: exp.Expr, around: Around) -> Around:
    """Bind the bodies of a WITH; gives the surroundings with their names in sight."""
    recursive = with_.args.get("recursive") or binder.bindings.semantics.implicit_recursion
    for cte in with_.expressions:
        names = [c.name for c in cte.args["alias"].columns] if cte.args.get("alias") else []
        binder.bindings.spelling[cte.alias.lower()] = cte.alias
        if recursive and names_itself(cte):
            outputs = _recursive(binder, cte, names, around)
        else:
            outputs = tuple(binder.query(cte.this, around))
            if names:
                outputs = renamed(outputs, names)
                rename_outputs(binder.bindings, cte.this, names)
        around = around.with_cte(cte.alias, outputs)
    return around


def _recursive(binder: QueryBinder, cte: exp.Expr, names: list[str], around: Around) -> tuple[Output, ...]:
    """A CTE that names itself: the query that it starts with names its columns."""
    start, step = recursion(cte)
    outputs = tuple(binder.query(start, around))
    if names:
        outputs = renamed(outputs, names)
        rename_outputs(binder.bindings, start, names)
    stepped = binder.query(step, around.with_cte(cte.alias, outputs))
    pairs = list(zip(stepped, outputs, strict=False))
    if any(new.kind and old.kind and new.kind != old.kind for new, old in pairs):
        raise UnsupportedSql("a recursive CTE whose columns change their type", cte.alias)
    if any(new.kind != old.kind for new, old in pairs):
        unsure = tuple(Output(o.name, "") for o in outputs)
        for source in binder.bindings.sources.values():
            if source.columns is outputs:
                source.columns = unsure
        return unsure
    return outputs


def bind_set_operation(binder: QueryBinder, node: exp.SetOperation, around: Around) -> list[Output]:
    """Bind both arms and the sort keys, which become positions, or expressions over `OUTPUT` columns."""
    if node.args.get("by_name") or node.args.get("side") or node.args.get("on"):
        raise UnsupportedSql("a set operation BY NAME")
    left = binder.query(node.this, around)
    right = binder.query(node.expression, around)
    if len(left) != len(right) and not binder.bindings.schema.partial:
        counts = f"{len(left)} and {len(right)}"
        raise SqlSyntaxError(f"the queries of {node.key.upper()} have {counts} columns: give them the same number")
    outputs = [
        Output(o.name, _kind_of_both(binder, node, place, o.kind, r.kind))
        for place, (o, r) in enumerate(zip(left, right, strict=False))
    ]
    limit(node)  # that it is constant: nothing in it is bound
    order = node.args.get("order")
    for key in order.expressions if order else ():
        _sort_key(binder, key, node, outputs, around)
    return outputs


def _kind_of_both(binder: QueryBinder, node: exp.SetOperation, place: int, left: str, right: str) -> str:
    """The kind of a set operation's column: that of both arms, or of one where the other is NULL alone."""
    if left == right or _is_null(binder, node.expression, place):
        return left
    return right if _is_null(binder, node.this, place) else ""


def _is_null(binder: QueryBinder, query: exp.Expr, place: int) -> bool:
    """Whether a query's column is the literal NULL, in all of its arms."""
    shown = [binder.bindings.bound(arm).outputs for arm in arms(query)]
    return all(isinstance(unbracketed(outputs[place][1]), exp.Null) for outputs in shown)


def _sort_key(
    binder: QueryBinder, key: exp.Ordered, node: exp.SetOperation, outputs: list[Output], around: Around
) -> None:
    """A sort key is an output, by position, by the name that any arm gives it, or (SQLite) by its expression."""
    value = key.this
    if isinstance(value, exp.Literal) and value.is_int:
        if not 1 <= int(value.name) <= len(outputs):
            raise UnknownName(f"ORDER BY {value.name}: output columns count from 1 to {len(outputs)}", value.name)
        return
    place = _place(binder, value, node, around)
    if place is not None:
        key.set("this", exp.Literal.number(place + 1))
    elif binder.bindings.semantics.bare_columns or value.find(exp.Query) is not None:
        raise UnsupportedSql("ORDER BY of an expression after a set operation", value.sql("sqlite"))
    else:
        for part in list(value.find_all(exp.Column)):
            index = _place(binder, part, node, around)
            if index is None:
                names = suggestion(part.name, [o.name for o in outputs])
                raise UnknownName(f"no column {part.sql()} in the outputs of {node.key.upper()}: {names}", part.name)
            place_of = exp.Column(this=identifier(str(index + 1)), table=exp.Identifier(this=OUTPUT, quoted=False))
            part.replace(place_of)


def _place(binder: QueryBinder, value: exp.Expr, node: exp.SetOperation, around: Around) -> int | None:
    """The position of the output that a sort key means, from 0."""
    name = value.name.lower() if isinstance(value, exp.Column) and not value.table else ""
    for arm in arms(node):
        outputs = binder.bindings.bound(arm).outputs
        names = [o.name.lower() for o, _ in outputs]
        if name and name in names:
            return names.index(name)
        if binder.bindings.semantics.bare_columns:
            found = _equal(binder, value, arm, around)
            if found is not None:
                return found
    return None


def _equal(binder: QueryBinder, value: exp.Expr, arm: exp.Expr, around: Around) -> int | None:
    """The position of the arm's output that is the same expression (https://sqlite.org/lang_select.html#orderby)."""
    bound = binder.bindings.bound(arm)
    holder = exp.Paren(this=value.copy())
    try:
        binder.names(bound, around).bind(holder)
    except (UnknownName, UnsupportedSql):
        return None
    values = [unbracketed(shown) for _, shown in bound.outputs]
    wanted = unbracketed(holder.this)
    return values.index(wanted) if wanted in values else None


def names_itself(cte: exp.Expr) -> bool:
    """Whether the CTE reads the table that it defines."""
    name = cte.alias.lower()
    return any(table.name.lower() == name and not table.args.get("db") for table in cte.this.find_all(exp.Table))


def recursion(cte: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """What a recursive CTE starts with and its step. Raises UnsupportedSql for another shape."""
    body = cte.this
    while isinstance(body, exp.Subquery):
        body = body.this
    if not isinstance(body, exp.Union) or any(body.args.get(k) for k in ("order", "limit", "offset", "with_")):
        raise UnsupportedSql("a recursive CTE that is not a plain UNION", cte.alias)
    start, step = body.this, body.expression
    name = cte.alias.lower()
    if any(table.name.lower() == name for table in start.find_all(exp.Table)):
        raise UnsupportedSql("a recursive CTE with several recursive parts", cte.alias)
    return start, step
