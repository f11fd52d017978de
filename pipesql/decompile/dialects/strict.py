"""Operators and functions of DuckDB, PostgreSQL, GoogleSQL and Spark in GoogleSQL's words.

The rules are for classes of nodes that do not, or not always, mean what they mean in GoogleSQL. CAST, for one, rounds
halves away from zero in GoogleSQL and never cuts a text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from pipesql.decompile.bind.bindings import Bindings
from pipesql.decompile.dialects.sqlite import backslashed, divided, escape_character, is_text
from pipesql.decompile.dialects.sqlite_conversions import as_number
from pipesql.errors import UnsupportedSql
from pipesql.pipe.expressions import unbracketed
from pipesql.pipe.types import DATE, INT, REAL, TEXT

Write = Callable[[exp.Expr], exp.Expr]

_TYPES = (exp.DataType.INTEGER_TYPES | exp.DataType.REAL_TYPES | exp.DataType.TEXT_TYPES) - {exp.DType.NAME} | {
    exp.DType.BOOLEAN,
    exp.DType.DATE,
    exp.DType.TIME,
    exp.DType.DATETIME,
    exp.DType.TIMESTAMP,
    exp.DType.TIMESTAMPTZ,
}
_WHOLE = (exp.Round, exp.Ceil, exp.Floor, exp.Trunc)
_PARTS_OF_DATES = frozenset({"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE"})
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)


class StrictRules:
    """The rules of a dialect other than SQLite for one query."""

    def __init__(self, bindings: Bindings) -> None:
        self.bindings = bindings
        self.semantics = bindings.semantics
        self.kind = bindings.kind

    def table(self) -> dict[type[exp.Expr], Callable[[Any, Write], exp.Expr | None]]:
        """The rules by class of node."""
        return {
            **dict.fromkeys(_COMPARISONS, self.comparison),
            exp.In: self.in_,
            exp.Between: self.between,
            exp.Add: self.sum,
            exp.Sub: self.sum,
            exp.Div: self.division,
            exp.IntDiv: self.whole_division,
            exp.Mod: self.remainder,
            exp.Like: self.like,
            exp.ILike: self.ilike,
            exp.Escape: self.escape,
            exp.Max: self.extreme,
            exp.Min: self.extreme,
            exp.Greatest: self.greatest,
            exp.Least: self.greatest,
            exp.AnyValue: self.any_value,
            exp.IgnoreNulls: self.ignore_nulls,
            exp.Cast: self.cast,
            exp.TryCast: self.cast,
            exp.Round: self.round,
            exp.DPipe: self.joined,
            exp.Concat: self.concat,
            exp.Trim: self.trim,
            exp.Substring: self.substring,
            exp.Left: self.end,
            exp.Right: self.end,
            exp.StrPosition: self.position,
            exp.Extract: self.extract,
        }

    def refuse(self, node: exp.Expr, why: str) -> UnsupportedSql:
        """The error for a node that means something else in GoogleSQL."""
        return UnsupportedSql(f"{why} in {self.semantics.dialect}", self.bindings.shown(node))

    def comparison(self, node: exp.Binary, write: Write) -> exp.Expr:
        """GoogleSQL compares no text with a number; these dialects read a text literal beside a number as one."""
        (right,), (left,) = self.alike(node.this, [node.expression]), self.alike(node.expression, [node.this])
        return type(node)(this=write(left), expression=write(right))

    def in_(self, node: exp.In, write: Write) -> exp.Expr | None:
        """IN a list or a query."""
        if not node.expressions:
            if node.args.get("query") is None:
                raise self.refuse(node, "IN of anything but a list or a query")
            return None
        values = [write(v) for v in self.alike(node.this, node.expressions)]
        return exp.In(this=write(node.this), expressions=values)

    def between(self, node: exp.Between, write: Write) -> exp.Expr:
        """BETWEEN, both ends of the value's type."""
        if node.args.get("symmetric"):
            raise self.refuse(node, "BETWEEN SYMMETRIC")
        low, high = self.alike(node.this, [node.args["low"], node.args["high"]])
        return exp.Between(this=write(node.this), low=write(low), high=write(high))

    def alike(self, value: exp.Expr, others: list[exp.Expr]) -> list[exp.Expr]:
        """What stands beside a value, with text literals as numbers if the value is a number."""
        kind = self.kind(value)
        out = []
        for other in others:
            theirs = self.kind(other)
            if kind in (INT, REAL) and is_text(other) and not isinstance(unbracketed(value), exp.Literal):
                number = as_number(other.name)
                if number is None or self.semantics.dialect == "bigquery":
                    raise self.refuse(other, "a comparison of a number with a text")
                out.append(number)
                continue
            mixed = (kind, theirs) in ((INT, TEXT), (REAL, TEXT)) and not is_text(value)
            if mixed and not isinstance(unbracketed(other), exp.Literal):
                raise self.refuse(other, "a comparison of a number with a text")
            out.append(other)
        return out

    def sum(self, node: exp.Binary, write: Write) -> None:
        """Days added to dates, and differences of dates, have a different type in each engine."""
        if DATE in (self.kind(node.this), self.kind(node.expression)) and self.semantics.dialect != "bigquery":
            raise self.refuse(node, "arithmetic on dates")

    def division(self, node: exp.Div, write: Write) -> exp.Expr:
        """`/`: real, but of integers in PostgreSQL."""
        left, right = write(node.this), write(node.expression)
        if not self.semantics.whole_division:
            return exp.Div(this=left, expression=right, typed=False, safe=False)
        summed = (c for total in node.find_all(exp.Sum) for c in total.find_all(exp.Column))
        if any(name in self.bindings.declared(c) for c in summed for name in ("BIG", "INT8")):
            raise self.refuse(node, "a division of a SUM of BIGINT, which is NUMERIC,")
        return divided(self.bindings, node, left, right)

    def whole_division(self, node: exp.IntDiv, write: Write) -> exp.Expr:
        """`//` and `div` of integers are DIV; of reals DuckDB rounds down."""
        whole = (self.kind(node.this), self.kind(node.expression)) == (INT, INT)
        if not whole and self.semantics.dialect != "bigquery":
            raise self.refuse(node, "a whole division of values that may not be integers")
        return exp.IntDiv(this=unbracketed(write(node.this)), expression=unbracketed(write(node.expression)))

    def remainder(self, node: exp.Mod, write: Write) -> exp.Expr:
        """GoogleSQL's MOD is of integers."""
        if REAL in (self.kind(node.this), self.kind(node.expression)):
            raise self.refuse(node, "the remainder of reals")
        return exp.Mod(this=unbracketed(write(node.this)), expression=unbracketed(write(node.expression)))

    def like(self, node: exp.Like, write: Write, escape: str | None = None) -> exp.Expr:
        """LIKE distinguishes case; DuckDB's has no escape character unless ESCAPE gives one."""
        value, pattern = write(node.this), self.pattern(node, write, escape)
        return exp.Like(this=value, expression=pattern, negate=node.args.get("negate"))

    def ilike(self, node: exp.ILike, write: Write, escape: str | None = None) -> exp.Expr:
        """ILIKE ignores case: both sides are lowered."""
        value, pattern = write(node.this), self.pattern(node, write, escape)
        low = exp.Literal.string(pattern.name.lower()) if is_text(pattern) else exp.Lower(this=pattern)
        return exp.Like(this=exp.Lower(this=value), expression=low, negate=node.args.get("negate"))

    def pattern(self, node: exp.Expr, write: Write, escape: str | None) -> exp.Expr:
        """The pattern of LIKE, in which the backslash escapes."""
        pattern = node.expression
        if is_text(pattern):
            if escape is None and self.semantics.escapes_like:
                return exp.Literal.string(pattern.name)
            return exp.Literal.string(backslashed(pattern.name, escape or ""))
        if self.semantics.escapes_like:
            return write(pattern)
        one, two = exp.Literal.string("\\"), exp.Literal.string("\\\\")
        return exp.Replace(this=write(pattern), expression=one, replacement=two)

    def escape(self, node: exp.Escape, write: Write) -> exp.Expr:
        """LIKE … ESCAPE: GoogleSQL's escape character is the backslash."""
        rule = self.ilike if isinstance(node.this, exp.ILike) else self.like
        return rule(node.this, write, escape_character(node))

    def extreme(self, node: exp.Max | exp.Min, write: Write) -> None:
        """MAX(x, n) of DuckDB gives a list."""
        if node.expressions or node.args.get("count") is not None:
            raise self.refuse(node, "MAX or MIN of several values")

    def greatest(self, node: exp.Greatest | exp.Least, write: Write) -> exp.Expr:
        """GoogleSQL's GREATEST is NULL if any value is NULL; the others skip NULLs."""
        values = [write(v) for v in (node.this, *node.expressions)]
        out = type(node)(this=values[0], expressions=values[1:], ignore_nulls=False)
        if self.semantics.dialect == "bigquery":
            return out
        if len(values) != 2:
            raise self.refuse(node, "GREATEST or LEAST of more than two values")
        return exp.Coalesce(this=out, expressions=[v.copy() for v in values])

    def any_value(self, node: exp.AnyValue, write: Write) -> exp.Expr | None:
        """ANY_VALUE of PostgreSQL and DuckDB gives a value where there is one; MAX does so as well."""
        if self.semantics.dialect in ("bigquery", "spark"):
            return None
        if isinstance(node.this, exp.HavingMax):
            raise self.refuse(node, "ANY_VALUE … HAVING")
        return exp.Max(this=write(node.this))

    def ignore_nulls(self, node: exp.IgnoreNulls, write: Write) -> exp.Expr | None:
        """IGNORE NULLS of window functions; sqlglot reads DuckDB's ANY_VALUE with it."""
        if isinstance(node.this, exp.AnyValue):
            return self.any_value(node.this, write)
        if not isinstance(node.this, exp.FirstValue | exp.LastValue | exp.NthValue | exp.Lag | exp.Lead):
            raise self.refuse(node, "IGNORE NULLS")
        return None

    def cast(self, node: exp.Cast, write: Write) -> exp.Expr | None:
        """CAST to what GoogleSQL has under the same meaning."""
        why = _cast_refused(node, self.kind(node.this), self.semantics.dialect)
        if why:
            raise self.refuse(node, why)
        if not _cuts_off(node, self.kind(node.this), self.semantics.dialect):
            return None
        return type(node)(this=exp.Trunc(this=unbracketed(write(node.this))), to=node.to.copy())

    def round(self, node: exp.Round, write: Write) -> None:
        """ROUND of DOUBLE PRECISION rounds halves to even in PostgreSQL."""
        bare = node.args.get("decimals") is None
        if self.semantics.dialect == "postgres" and bare and self.kind(node.this) != INT:
            raise self.refuse(node, "ROUND without digits, which may round halves to even,")

    def joined(self, node: exp.DPipe, write: Write) -> exp.Expr:
        """`||` of GoogleSQL takes texts."""
        return exp.DPipe(this=self.text(node.this, write), expression=self.text(node.expression, write), safe=True)

    def text(self, value: exp.Expr, write: Write) -> exp.Expr:
        """A value as text."""
        kind = self.kind(value)
        if kind == REAL and self.semantics.dialect != "bigquery":
            raise self.refuse(value, "a real number joined to a text")
        written = write(value)
        return exp.Cast(this=unbracketed(written), to=exp.DataType.build("TEXT")) if kind == INT else written

    def concat(self, node: exp.Concat, write: Write) -> exp.Expr:
        """CONCAT skips NULLs in PostgreSQL and DuckDB."""
        parts = [self.text(e, write) for e in node.expressions]
        if self.semantics.dialect in ("postgres", "duckdb"):
            empty = exp.Literal.string("")
            parts = [p if is_text(p) else exp.Coalesce(this=p, expressions=[empty.copy()]) for p in parts]
        return exp.Concat(expressions=parts, safe=True, coalesce=False)

    def trim(self, node: exp.Trim, write: Write) -> exp.Expr | None:
        """TRIM removes spaces; GoogleSQL's removes all white space, unless it names the characters."""
        if self.semantics.dialect == "bigquery" or node.expression is not None:
            return None
        return exp.Trim(this=write(node.this), expression=exp.Literal.string(" "), position=node.args.get("position"))

    def substring(self, node: exp.Substring, write: Write) -> None:
        """SUBSTRING counts from 1; engines differ in what lies before the first character."""
        start = node.args.get("start")
        if self.semantics.dialect != "bigquery" and not (_is_count(start) and int(start.name) > 0):
            raise self.refuse(node, "SUBSTRING from anywhere but a literal position")

    def end(self, node: exp.Left | exp.Right, write: Write) -> None:
        """LEFT and RIGHT accept a negative length in DuckDB and PostgreSQL."""
        if self.semantics.dialect != "bigquery" and not _is_count(node.expression):
            raise self.refuse(node, "LEFT or RIGHT of a computed length")

    def position(self, node: exp.StrPosition, write: Write) -> None:
        """The first place of a text in another one."""
        if node.args.get("position") is not None or node.args.get("occurrence") is not None:
            raise self.refuse(node, "a search from a position")

    def extract(self, node: exp.Extract, write: Write) -> None:
        """Parts of dates that all engines count in the same way."""
        if self.semantics.dialect != "bigquery" and node.name.upper() not in _PARTS_OF_DATES:
            raise self.refuse(node, f"EXTRACT ({node.name})")


def _is_count(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_int)


def _cast_refused(node: exp.Cast, kind: str, dialect: str) -> str:
    """Why a CAST of values of this kind does not mean the same in GoogleSQL; nothing if it does."""
    to = node.to
    if dialect == "bigquery":
        return ""
    if to.this not in _TYPES:
        return "a CAST to a type that is not known,"
    if to.expressions and not (dialect == "duckdb" and to.is_type(*exp.DataType.TEXT_TYPES)):
        return "a CAST to a type with a length or a scale,"
    if kind != REAL:
        return ""
    if to.is_type(*exp.DataType.TEXT_TYPES):
        return "a CAST of reals to text, whose digits each engine writes in its way,"
    whole = not to.is_type(*exp.DataType.INTEGER_TYPES) or isinstance(unbracketed(node.this), _WHOLE)
    return "" if whole or dialect == "spark" else "a CAST of reals to integers, which rounds halves to even,"


def _cuts_off(node: exp.Cast, kind: str, dialect: str) -> bool:
    """Whether the CAST cuts the fraction of a real off, as Spark's does."""
    whole = isinstance(unbracketed(node.this), _WHOLE)
    return dialect == "spark" and kind == REAL and bool(node.to.is_type(*exp.DataType.INTEGER_TYPES)) and not whole
