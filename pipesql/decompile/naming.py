"""Names for what has none: temporary columns say what they hold, range variables are called by their table."""

from __future__ import annotations

from sqlglot import exp

from pipesql.pipe.rebuild import unbracketed

_PREFIX: dict[type[exp.Expr], str] = {
    exp.Count: "count",
    exp.CountIf: "count",
    exp.Sum: "sum",
    exp.Avg: "avg",
    exp.Min: "min",
    exp.Max: "max",
    exp.GroupConcat: "list",
}


def describe(value: exp.Expr) -> str:
    """A name for an expression's values: `count`, `avg_age`, `name`, or `value` where nothing better is at hand."""
    value = unbracketed(value.unalias())
    if isinstance(value, exp.Column):
        return plain(value.name)
    if isinstance(value, exp.AnyValue):
        inner = value.this.this if isinstance(value.this, exp.HavingMax) else value.this
        return describe(inner)
    for kind, prefix in _PREFIX.items():
        if isinstance(value, kind):
            inner = value.this
            if isinstance(inner, exp.Distinct):
                inner = inner.expressions[0]
                prefix = f"{prefix}_distinct"
            if isinstance(inner, exp.Column):
                return f"{prefix}_{plain(inner.name)}"
            return prefix
    if isinstance(value, exp.Grouping):
        return f"grouping_{describe(value.expressions[0])}"
    if isinstance(value, exp.Window):
        return plain(value.this.sql_name().lower()) if isinstance(value.this, exp.Func) else "value"
    if isinstance(
        value, exp.Lower | exp.Upper | exp.Cast | exp.Abs | exp.Round | exp.Substring | exp.TimeToStr | exp.Coalesce
    ):
        return describe(value.this)
    return "value"


def plain(name: str) -> str:
    """`name` with everything but letters, digits and underscores replaced, so that it needs no quotes."""
    kept = "".join(ch if ch.isascii() and (ch.isalnum() or ch == "_") else "_" for ch in name).strip("_")
    return f"c_{kept}" if not kept or kept[0].isdigit() else kept


def unique(name: str, taken: set[str]) -> str:
    """`name`, numbered if another column has it; it is added to `taken` (lower case)."""
    base, number = name, 2
    while name.lower() in taken:
        name, number = f"{base}_{number}", number + 1
    taken.add(name.lower())
    return name
