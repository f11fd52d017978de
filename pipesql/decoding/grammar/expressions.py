"""The grammar of expressions over one set of names, in the canonical spelling of the printer.

Each set of names has a suffix: `cond_s` is a condition over the names of `name_s`. Rules are in the Lark dialect of
llguidance. There is no rule for white space: canonical text has at most one space in any place, so spaces are part of
the words beside them, and a space never stands alone (the lexer takes the longest word and does not go back).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

SCALARS = (
    "ABS", "CEIL", "CEILING", "COALESCE", "CONCAT", "DATE", "DATE_ADD", "DATE_DIFF", "DATE_SUB", "DATE_TRUNC",
    "DATETIME", "DIV", "ENDS_WITH", "EXP", "FLOOR", "FORMAT_DATE", "FORMAT_DATETIME", "FORMAT_TIMESTAMP", "GREATEST",
    "IF", "IFNULL", "INSTR", "JULIANDAY", "LEAST", "LEFT", "LENGTH", "LN", "LOG", "LOWER", "LPAD", "LTRIM", "MOD",
    "NULLIF", "PARSE_DATE", "POW", "POWER", "REPLACE", "REVERSE", "RIGHT", "ROUND", "RPAD", "RTRIM", "SAFE_DIVIDE",
    "SIGN", "SQRT", "STARTS_WITH", "STRPOS", "SUBSTR", "SUBSTRING", "TIME", "TIMESTAMP", "TRIM", "TRUNC", "UPPER",
)  # fmt: skip
AGGREGATES = (
    "ANY_VALUE", "ARRAY_AGG", "AVG", "BIT_AND", "BIT_OR", "COUNT", "COUNTIF", "LOGICAL_AND", "LOGICAL_OR", "MAX", "MIN",
    "STDDEV", "STRING_AGG", "SUM", "VARIANCE",
)  # fmt: skip
RANKINGS = ("CUME_DIST", "DENSE_RANK", "PERCENT_RANK", "RANK", "ROW_NUMBER")
NEIGHBOURS = ("FIRST_VALUE", "LAG", "LAST_VALUE", "LEAD", "NTH_VALUE", "NTILE")
TYPES = (
    "BIGNUMERIC", "BOOL", "BYTES", "DATE", "DATETIME", "FLOAT64", "INT64", "NUMERIC", "STRING", "TIME", "TIMESTAMP",
)  # fmt: skip
PARTS = ("DAY", "DAYOFWEEK", "DAYOFYEAR", "HOUR", "MINUTE", "MONTH", "QUARTER", "SECOND", "WEEK", "YEAR")

WORDS = r"""
NAME: /[A-Za-z_][A-Za-z0-9_]*/ | /`[^`\n]+`/
STRING: /'([^'\\\n]|\\[^\n])*'/
NUMBER: /([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?/
COUNT: /[0-9]+/
"""
"""Terminals that mean the same everywhere: a free name, a string, a number, a count of rows."""


def words() -> str:
    """The terminals and the rules that every grammar has."""
    return "\n".join(
        [
            WORDS,
            f"scalar: {any_of(f'{f}(' for f in SCALARS)}",
            f"aggregate: {any_of(f'{f}(' for f in AGGREGATES)}",
            f"ranking: {any_of(f'{f}()' for f in RANKINGS)}",
            f"neighbour: {any_of(f'{f}(' for f in NEIGHBOURS)}",
            f"type: {any_of(TYPES)}",
            f"part: {any_of(PARTS)}",
        ]
    )


def literal(text: str) -> str:
    """A text as a terminal of the grammar."""
    return json.dumps(text, ensure_ascii=False)


def any_of(texts: Iterable[str]) -> str:
    """One of several texts; a terminal that never matches where there are none."""
    return " | ".join(literal(text) for text in texts) or "/[^\\s\\S]/"


def expressions(suffix: str, query: str, windows: bool = False) -> str:
    """Rules `cond_…` (any expression), `sum_…` (one without a comparison), `agg_…` (one over aggregates), `order_…`.

    The caller must define `name_…`. `query` is the rule of a query in brackets. With `windows` an expression may be a
    window function.
    """
    s, g = suffix, f"{suffix}_g"
    atom = f"name_{s}" + (f" | window_{s}" if windows else "")
    return "\n".join(
        [
            _algebra(s, atom, query),
            _algebra(g, f"call_{g}", query),
            f"call_{g}: {literal('COUNT(*)')} | aggregate {literal('DISTINCT ')}? cond_{s}"
            f' (", " cond_{s})? ((" HAVING MIN " | " HAVING MAX ") sum_{s})? (" ORDER BY " order_{s})? ")"',
            f'order_{s}: cond_{s} (" DESC" | " ASC")? (" NULLS FIRST" | " NULLS LAST")?',
            f"agg_{s}: cond_{g}",
            _windows(s, g) if windows else "",
        ]
    )


def _algebra(s: str, atom: str, query: str) -> str:
    """Expressions whose simplest parts are `atom`, literals and queries."""
    return f"""
cond_{s}: not_{s} ((" AND " | " OR ") not_{s})*
not_{s}: "NOT "? pred_{s}
pred_{s}: sum_{s} test_{s}? | ("EXISTS(" | "EXISTS (") {query} ")"
test_{s}: (" = " | " <> " | " < " | " <= " | " > " | " >= " | " LIKE " | " NOT LIKE " | " IS DISTINCT FROM ") sum_{s}
    | " IS NULL" | " IS NOT NULL" | " IS TRUE" | " IS FALSE" | (" BETWEEN " | " NOT BETWEEN ") sum_{s} " AND " sum_{s}
    | (" IN (" | " NOT IN (") (sum_{s} (", " sum_{s})* | {query}) ")"
sum_{s}: factor_{s} ((" + " | " - " | " * " | " / " | " || ") factor_{s})*
factor_{s}: "-"? atom_{s}
atom_{s}: {atom} | NUMBER | STRING | "NULL" | "TRUE" | "FALSE"
    | "(" cond_{s} ")" | "(" {query} ")" | scalar (cond_{s} (", " cond_{s})*)? ")"
    | ("CAST(" | "SAFE_CAST(") cond_{s} " AS " type ")" | "EXTRACT(" part " FROM " sum_{s} ")"
    | "CASE " (sum_{s} " WHEN " | "WHEN ") cases_{s}
cases_{s}: cond_{s} " THEN " cond_{s} (" WHEN " cond_{s} " THEN " cond_{s})* (" ELSE " cond_{s})? " END"
"""


def _windows(s: str, g: str) -> str:
    return (
        f"window_{s}: (call_{g} | ranking"
        f' | neighbour sum_{s} (", " sum_{s})* ")")'
        f' (" OVER (" ("PARTITION BY " sum_{s} (", " sum_{s})* (" ORDER BY " order_{s} (", " order_{s})*)?'
        f' | "ORDER BY " order_{s} (", " order_{s})*)? ")")'
    )
