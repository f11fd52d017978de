"""Forms of operators that are read and printed but not resolved yet: they are refused, never ignored."""

from __future__ import annotations

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op


def refuse_forms(operator: op.Operator) -> None:
    """Raise UnsupportedSql for a part of the operator that name resolution would pass over."""
    match operator:
        case op.Join(natural=True):
            raise UnsupportedSql("NATURAL JOIN")
        case op.Extend(windows=windows) if windows:
            raise UnsupportedSql("the clause WINDOW of EXTEND")
        case op.Select(shape=shape, windows=windows) if shape or windows:
            raise UnsupportedSql("the clause WINDOW of SELECT" if windows else f"SELECT AS {shape}")
        case op.Aggregate(item_order=items, key_order=keys, and_order=ordered) if items or keys or ordered:
            raise UnsupportedSql("an ordering of AGGREGATE")
        case op.SetOperation(kind, matching=matching, side=side, strict=strict) if matching or side or strict:
            raise UnsupportedSql(" ".join(word for word in (side, kind, "STRICT" if strict else "", matching) if word))
        case op.Limit(count, offset) if not (isinstance(count, int) and isinstance(offset, int)):
            raise UnsupportedSql("LIMIT with anything but whole numbers")
