"""Where sqlglot's own generator for BigQuery writes another tree than GoogleSQL's parser would read back.

Each entry of `WRITERS` takes the generator's usual writer of a node class and gives ours, which may fall back on it. To
add one, write the function and its entry; `tests/pipe/test_google_parser.py` compares the trees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.generator import Generator
from sqlglot.generators.bigquery import BigQueryGenerator

from pipesql.errors import UnsupportedSql
from pipesql.pipe.query import nested
from pipesql.pipe.scan import JOIN, MATCHING, UNEQUAL, WRITTEN, cast_type, noted

Writer = Callable[[Any, Any], str]


def _array(usual: Writer) -> Writer:
    """`ARRAY(query)` beside `[value, …]`."""

    def write(writer: Any, node: exp.Array) -> str:
        items = node.expressions
        if len(items) == 1 and nested(items[0]) is not None:
            return f"ARRAY({writer.sql(items[0])})"
        return usual(writer, node)

    return write


def _collate(_: Writer) -> Writer:
    """`x COLLATE 'und:ci'`."""
    return lambda writer, node: writer.binary(node, "COLLATE")


def _unequal(usual: Writer) -> Writer:
    """`!=` where it was written."""
    return lambda writer, node: writer.binary(node, "!=") if noted(node, UNEQUAL) else usual(writer, node)


def _cast(usual: Writer) -> Writer:
    """`DATE '…'` and `STRUCT<…>(…)` beside CAST, and the type's name and parameters as they are written."""

    def write(writer: Any, node: exp.Cast) -> str:
        value, written = node.this, cast_type(node)
        if written is not None:
            if written and not node.args.get("format"):
                node.set("to", exp.Var(this=written))
            return Generator.cast_sql(writer, node, safe_prefix="SAFE_" if isinstance(node, exp.TryCast) else None)
        if isinstance(value, exp.Literal) and noted(value, WRITTEN):
            return f"{writer.sql(node, 'to')} {writer.sql(value)}"
        if isinstance(value, exp.Struct) and node.to.expressions:
            return f"{writer.sql(node, 'to')}({', '.join(writer.sql(item) for item in value.expressions)})"
        return usual(writer, node)

    return write


def _position(usual: Writer) -> Writer:
    """STRPOS where it is written so, beside INSTR."""

    def write(writer: Any, node: exp.StrPosition) -> str:
        if str(node.meta.get("bigquery_name")).upper() != "STRPOS":
            return usual(writer, node)
        return f"STRPOS({writer.sql(node, 'this')}, {writer.sql(node, 'substr')})"

    return write


def _split(usual: Writer) -> Writer:
    """SPLIT of one argument, for which sqlglot makes the second: it has no place in the text."""

    def write(writer: Any, node: exp.Split) -> str:
        separator = node.expression
        made = isinstance(separator, exp.Literal) and separator.name == "," and "start" not in separator.meta
        written = "bigquery_name" in node.meta
        return f"SPLIT({writer.sql(node, 'this')})" if made and written else usual(writer, node)

    return write


def _now(usual: Writer) -> Writer:
    """CURRENT_DATE() beside CURRENT_DATE."""

    def write(writer: Any, node: exp.Func) -> str:
        text = usual(writer, node).removesuffix("()")
        return f"{text}()" if "bigquery_name" in node.meta and not text.endswith(")") else text

    return write


def _json(usual: Writer) -> Writer:
    """`JSON '…'` where it is written so."""

    def write(writer: Any, node: exp.ParseJSON) -> str:
        literal = isinstance(node.this, exp.Literal) and noted(node.this, WRITTEN)
        return f"JSON {writer.sql(node.this)}" if literal else usual(writer, node)

    return write


def _interval(usual: Writer) -> Writer:
    """`INTERVAL 3 DAY`: sqlglot makes the number a string."""

    def write(writer: Any, node: exp.Interval) -> str:
        amount = node.this
        if isinstance(amount, exp.Literal) and amount.is_string and amount.name.lstrip("-").isdigit():
            node.set("this", exp.Literal.number(amount.name))
        return usual(writer, node)

    return write


def _dot(usual: Writer) -> Writer:
    """A field; a number has none, though sqlglot reads `1 . x`."""

    def write(writer: Any, node: exp.Dot) -> str:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            raise UnsupportedSql("a field of a number")
        return usual(writer, node)

    return write


def _null(usual: Writer) -> Writer:
    """`IS UNKNOWN`."""
    return lambda writer, node: "UNKNOWN" if noted(node, WRITTEN) else usual(writer, node)


def _select(_: Writer) -> Writer:
    """A standard SELECT as it is: sqlglot would rewrite its clauses for BigQuery."""
    return BigQueryGenerator.select_sql


def _ordered(_: Writer) -> Writer:
    """NULLS FIRST and NULLS LAST where they are written or are not the default; sqlglot has none in windows."""

    def write(writer: Any, node: exp.Ordered) -> str:
        descending, first = bool(node.args.get("desc")), node.args.get("nulls_first")
        text = writer.sql(node, "this") + (" DESC" if descending else " ASC" if node.args.get("desc") is False else "")
        if not noted(node, WRITTEN) and (first is None or bool(first) != descending):
            return text
        return text + (" NULLS FIRST" if first else " NULLS LAST")

    return write


def _unnest(usual: Writer) -> Writer:
    """`WITH OFFSET` without a name, for which sqlglot makes one that has no place in the text; `FROM t, t.array`.

    sqlglot reads the latter as UNNEST, but then does not say whether there is an offset.
    """

    def write(writer: Any, node: exp.Unnest) -> str:
        if "offset" not in node.args and len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Column):
            columns = node.args["alias"].columns if node.args.get("alias") else ()
            return writer.sql(node.expressions[0]) + (f" AS {writer.sql(columns[0])}" if columns else "")
        offset = node.args.get("offset")
        if isinstance(offset, exp.Identifier) and offset.name == "offset" and "start" not in offset.meta:
            node.set("offset", True)
        return usual(writer, node)

    return write


def _table(usual: Writer) -> Writer:
    """`path WITH OFFSET`, which the reader of FROM keeps as the table's ordinality."""

    def write(writer: Any, node: exp.Table) -> str:
        offset = node.args.get("ordinality")
        if not offset:
            return usual(writer, node)
        node.set("ordinality", None)
        name = f" AS {writer.sql(offset)}" if isinstance(offset, exp.Identifier) else ""
        return f"{usual(writer, node)} WITH OFFSET{name}"

    return write


def _frame(usual: Writer) -> Writer:
    """A window frame of one bound, which sqlglot would complete."""

    def write(writer: Any, node: exp.WindowSpec) -> str:
        if node.args.get("end") or node.args.get("end_side"):
            return usual(writer, node)
        return " ".join(writer.sql(node, part) for part in ("kind", "start", "start_side") if node.args.get(part))

    return write


def _window(usual: Writer) -> Writer:
    """`name AS (…)` in a clause WINDOW, and `OVER (name)` beside `OVER name`."""

    def write(writer: Any, node: exp.Window) -> str:
        named = isinstance(node.this, exp.Identifier)
        bracketed = node.args.get("partition_by") is not None
        if node.args.get("alias") and not any(node.args.get(part) for part in ("partition_by", "order", "spec")):
            alias = writer.sql(node, "alias")
            window = f"({alias})" if bracketed else alias
            return f"{writer.sql(node, 'this')} {'AS' if named else 'OVER'} {window}"
        if named:
            node.set("over", "AS")
        return usual(writer, node)

    return write


def _join(usual: Writer) -> Writer:
    """JOIN beside a comma, and without a condition where none is written."""

    def write(writer: Any, node: exp.Join) -> str:
        if not noted(node, JOIN):
            return f", {writer.sql(node, 'this')}"
        on = node.args.get("on")
        if isinstance(on, exp.Boolean) and on.this and not noted(on, WRITTEN):
            node.set("on", None)
        if node.args.get("on") or node.args.get("using") or node.method or node.side or node.kind:
            return usual(writer, node)
        return f" JOIN {writer.sql(node, 'this')}"

    return write


def _sampled(usual: Writer) -> Writer:
    """TABLESAMPLE behind the alias of a query in brackets, where GoogleSQL has it."""

    def write(writer: Any, node: exp.Subquery | exp.Lateral) -> str:
        holder = node.this if isinstance(node, exp.Lateral) else node
        sample = holder.args.get("sample")
        if sample is None:
            return usual(writer, node)
        holder.set("sample", None)
        return f"{usual(writer, node)} {writer.sql(sample).lstrip()}"

    return write


def _set_operation(_: Writer) -> Writer:
    """Set operations as they are: sqlglot would have no INTERSECT ALL, and BY NAME for CORRESPONDING."""

    def write(writer: Any, node: exp.SetOperation) -> str:
        parts: list[str] = []
        left: exp.Expr = node
        while isinstance(left, exp.SetOperation):
            parts += [writer.sql(left, "expression"), _operation(writer, left)]
            left = left.this
        return writer.query_modifiers(node, " ".join([writer.sql(left), *reversed(parts)]))

    return write


def _operation(writer: Any, node: exp.SetOperation) -> str:
    """The words between two arms."""
    matching = next((c.removeprefix(MATCHING) for c in node.comments or () if c.startswith(MATCHING)), "")
    side = [node.side, "" if matching else node.kind]
    words = [*side, node.key.upper(), "DISTINCT" if node.args.get("distinct") else "ALL", matching]
    if node.args.get("by_name") and not matching:
        words.append("BY NAME")
    if node.args.get("on"):
        words.append(f"{'BY' if matching else 'ON'} ({', '.join(writer.sql(column) for column in node.args['on'])})")
    return " ".join(word for word in words if word)


WRITERS: dict[type, Callable[[Writer], Writer]] = {
    exp.Array: _array,
    exp.Cast: _cast,
    exp.Collate: _collate,
    exp.CurrentDate: _now,
    exp.CurrentDatetime: _now,
    exp.CurrentTime: _now,
    exp.CurrentTimestamp: _now,
    exp.Dot: _dot,
    exp.Except: _set_operation,
    exp.Intersect: _set_operation,
    exp.Interval: _interval,
    exp.Join: _join,
    exp.Lateral: _sampled,
    exp.NEQ: _unequal,
    exp.Null: _null,
    exp.Ordered: _ordered,
    exp.ParseJSON: _json,
    exp.Select: _select,
    exp.Split: _split,
    exp.StrPosition: _position,
    exp.Subquery: _sampled,
    exp.Table: _table,
    exp.TryCast: _cast,
    exp.Union: _set_operation,
    exp.Unnest: _unnest,
    exp.Window: _window,
    exp.WindowSpec: _frame,
}
