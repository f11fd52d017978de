"""Operators and functions of DuckDB, PostgreSQL, GoogleSQL and Spark in GoogleSQL's words.

The rules are for classes of nodes that do not, or not always, mean what they mean in GoogleSQL. Whatever has no rule
and is not among the classes of `same` is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from pipesql.decompile.dialects.casts import cast_refused, cuts_off
from pipesql.decompile.dialects.sqlite import backslashed, divided, escape_character, is_text
from pipesql.decompile.dialects.sqlite_values import as_number
from pipesql.errors import UnsupportedSql
from pipesql.pipe.expressions import unbracketed
from pipesql.pipe.types import DATE, INT, REAL, TEXT

if TYPE_CHECKING:
    from pipesql.decompile.bind.binder import Binder

Write = Callable[[exp.Expr], exp.Expr]

_PARTS_OF_DATES = frozenset({"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE"})
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)


class StrictRules:
    """The rules of a dialect other than SQLite for one query."""

    def __init__(self, binder: Binder) -> None:
        self.binder = binder
        self.habits = binder.habits
        self.kind = binder.kind

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
        """The error for a node whose meaning is another one in GoogleSQL."""
        return UnsupportedSql(f"{why} in {self.habits.dialect}", self.binder.shown(node))

    def comparison(self, node: exp.Binary, write: Write) -> exp.Expr:
        """GoogleSQL compares no text with a number: a text literal beside a number is one, in these dialects."""
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
        """What stands beside a value, text literals as numbers if it is one."""
        kind = self.kind(value)
        out = []
        for other in others:
            theirs = self.kind(other)
            if kind in (INT, REAL) and is_text(other) and not isinstance(unbracketed(value), exp.Literal):
                number = as_number(other.name)
                if number is None or self.habits.dialect == "bigquery":
                    raise self.refuse(other, "a comparison of a number with a text")
                out.append(number)
                continue
            mixed = (kind, theirs) in ((INT, TEXT), (REAL, TEXT)) and not is_text(value)
            if mixed and not isinstance(unbracketed(other), exp.Literal):
                raise self.refuse(other, "a comparison of a number with a text")
            out.append(other)
        return out

    def sum(self, node: exp.Binary, write: Write) -> None:
        """Days added to dates, and differences of dates, have other types in each engine."""
        if DATE in (self.kind(node.this), self.kind(node.expression)) and self.habits.dialect != "bigquery":
            raise self.refuse(node, "arithmetic on dates")

    def division(self, node: exp.Div, write: Write) -> exp.Expr:
        """`/`: real, but of integers in PostgreSQL."""
        left, right = write(node.this), write(node.expression)
        if not self.habits.whole_division:
            return exp.Div(this=left, expression=right, typed=False, safe=False)
        summed = (c for total in node.find_all(exp.Sum) for c in total.find_all(exp.Column))
        if any(name in self.binder.declared(c) for c in summed for name in ("BIG", "INT8")):
            raise self.refuse(node, "a division of a SUM of BIGINT, which is NUMERIC,")
        return divided(self.binder, node, left, right)

    def whole_division(self, node: exp.IntDiv, write: Write) -> exp.Expr:
        """`//` and `div` of integers are DIV; of reals DuckDB rounds down."""
        whole = (self.kind(node.this), self.kind(node.expression)) == (INT, INT)
        if not whole and self.habits.dialect != "bigquery":
            raise self.refuse(node, "a whole division of what may be no integers")
        return exp.IntDiv(this=unbracketed(write(node.this)), expression=unbracketed(write(node.expression)))

    def remainder(self, node: exp.Mod, write: Write) -> exp.Expr:
        """GoogleSQL's MOD is of integers."""
        if REAL in (self.kind(node.this), self.kind(node.expression)):
            raise self.refuse(node, "the remainder of reals")
        return exp.Mod(this=unbracketed(write(node.this)), expression=unbracketed(write(node.expression)))

    def like(self, node: exp.Like, write: Write, escape: str | None = None) -> exp.Expr:
        """LIKE minds case; DuckDB's has no escape character unless ESCAPE gives one."""
        value, pattern = write(node.this), self.pattern(node, write, escape)
        return exp.Like(this=value, expression=pattern, negate=node.args.get("negate"))

    def ilike(self, node: exp.ILike, write: Write, escape: str | None = None) -> exp.Expr:
        """ILIKE takes no notice of case: both sides are lowered."""
        value, pattern = write(node.this), self.pattern(node, write, escape)
        low = exp.Literal.string(pattern.name.lower()) if is_text(pattern) else exp.Lower(this=pattern)
        return exp.Like(this=exp.Lower(this=value), expression=low, negate=node.args.get("negate"))

    def pattern(self, node: exp.Expr, write: Write, escape: str | None) -> exp.Expr:
        """The pattern of LIKE, in which the backslash escapes."""
        pattern = node.expression
        if is_text(pattern):
            if escape is None and self.habits.escapes_like:
                return exp.Literal.string(pattern.name)
            return exp.Literal.string(backslashed(pattern.name, escape or ""))
        if self.habits.escapes_like:
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
        """GoogleSQL's GREATEST is NULL if any value is, that of the others passes over NULLs."""
        values = [write(v) for v in (node.this, *node.expressions)]
        out = type(node)(this=values[0], expressions=values[1:], ignore_nulls=False)
        if self.habits.dialect == "bigquery":
            return out
        if len(values) != 2:
            raise self.refuse(node, "GREATEST or LEAST of more than two values")
        return exp.Coalesce(this=out, expressions=[v.copy() for v in values])

    def any_value(self, node: exp.AnyValue, write: Write) -> exp.Expr | None:
        """ANY_VALUE of PostgreSQL and DuckDB gives no NULL where there is a value: MAX is one such."""
        if self.habits.dialect in ("bigquery", "spark"):
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
        why = cast_refused(node, self.kind(node.this), self.habits.dialect)
        if why:
            raise self.refuse(node, why)
        if not cuts_off(node, self.kind(node.this), self.habits.dialect):
            return None
        return type(node)(this=exp.Trunc(this=unbracketed(write(node.this))), to=node.to.copy())

    def round(self, node: exp.Round, write: Write) -> None:
        """ROUND of DOUBLE PRECISION rounds halves to even in PostgreSQL."""
        bare = node.args.get("decimals") is None
        if self.habits.dialect == "postgres" and bare and self.kind(node.this) != INT:
            raise self.refuse(node, "ROUND without digits, which may round halves to even,")

    def joined(self, node: exp.DPipe, write: Write) -> exp.Expr:
        """`||` of GoogleSQL takes texts."""
        return exp.DPipe(this=self.text(node.this, write), expression=self.text(node.expression, write), safe=True)

    def text(self, value: exp.Expr, write: Write) -> exp.Expr:
        """A value as text."""
        kind = self.kind(value)
        if kind == REAL and self.habits.dialect != "bigquery":
            raise self.refuse(value, "a real number joined to a text")
        written = write(value)
        return exp.Cast(this=unbracketed(written), to=exp.DataType.build("TEXT")) if kind == INT else written

    def concat(self, node: exp.Concat, write: Write) -> exp.Expr:
        """CONCAT passes over NULLs in PostgreSQL and DuckDB."""
        parts = [self.text(e, write) for e in node.expressions]
        if self.habits.dialect in ("postgres", "duckdb"):
            empty = exp.Literal.string("")
            parts = [p if is_text(p) else exp.Coalesce(this=p, expressions=[empty.copy()]) for p in parts]
        return exp.Concat(expressions=parts, safe=True, coalesce=False)

    def trim(self, node: exp.Trim, write: Write) -> exp.Expr | None:
        """TRIM takes spaces away; GoogleSQL's all white space, unless it is told."""
        if self.habits.dialect == "bigquery" or node.expression is not None:
            return None
        return exp.Trim(this=write(node.this), expression=exp.Literal.string(" "), position=node.args.get("position"))

    def substring(self, node: exp.Substring, write: Write) -> None:
        """SUBSTRING counts from 1; what lies before the first character each engine sees otherwise."""
        start = node.args.get("start")
        if self.habits.dialect != "bigquery" and not (_is_count(start) and int(start.name) > 0):
            raise self.refuse(node, "SUBSTRING from anywhere but a literal position")

    def end(self, node: exp.Left | exp.Right, write: Write) -> None:
        """LEFT and RIGHT of a negative length are no error in DuckDB and PostgreSQL."""
        if self.habits.dialect != "bigquery" and not _is_count(node.expression):
            raise self.refuse(node, "LEFT or RIGHT of a computed length")

    def position(self, node: exp.StrPosition, write: Write) -> None:
        """The first place of a text in another one."""
        if node.args.get("position") is not None or node.args.get("occurrence") is not None:
            raise self.refuse(node, "a search from a position")

    def extract(self, node: exp.Extract, write: Write) -> None:
        """Parts of dates that all engines count alike."""
        if self.habits.dialect != "bigquery" and node.name.upper() not in _PARTS_OF_DATES:
            raise self.refuse(node, f"EXTRACT ({node.name})")


def _is_count(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_int)
