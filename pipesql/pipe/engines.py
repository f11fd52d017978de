"""What an engine does otherwise than GoogleSQL, made explicit before sqlglot writes the dialect.

Handled here: `/` is real division in GoogleSQL and integer division of integers in SQLite; LIKE minds case in GoogleSQL
and not in SQLite; ANY_VALUE is a bare column in SQLite.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from pipesql.errors import UnsupportedSql
from pipesql.pipe.negation import natural
from pipesql.pipe.rebuild import unbracketed
from pipesql.pipe.scan import dialect_named, first_line

_DECIMAL_LITERALS = frozenset({"duckdb", "spark"})
_WILDCARDS = {"%": "*", "_": "?"}
_BRACKETED = {"*": "[*]", "?": "[?]", "[": "[[]"}


def write(tree: exp.Query, dialect: str) -> str:
    """SQL text in the engine's dialect. Raises UnsupportedSql for what it cannot express."""
    engine = dialect_named(dialect)
    tree = _for_sqlite(tree) if dialect == "sqlite" else _for_others(tree, dialect)
    try:
        return engine.generate(
            natural(tree, dialect), normalize_functions="upper", comments=False, unsupported_level=ErrorLevel.RAISE
        )
    except SqlglotError as e:
        raise UnsupportedSql(f"a construct in {dialect}", first_line(e)) from e


def _for_others(tree: exp.Query, dialect: str) -> exp.Query:
    """Brackets around what DIV divides, where that becomes an operator; DuckDB's LIKE has no escape character.

    A literal like 1.5 is a FLOAT64 in GoogleSQL, a DECIMAL in DuckDB and Spark unless it has an exponent.
    """
    for node in list(tree.find_all(exp.IntDiv, exp.Like, exp.Literal)):
        if isinstance(node, exp.Literal):
            if dialect in _DECIMAL_LITERALS and not node.is_string and node.name.replace(".", "", 1).isdigit():
                node.set("this", node.name if node.is_int else f"{node.name}e0")
            continue
        if isinstance(node, exp.IntDiv) and dialect not in ("bigquery", "postgres"):
            node.set("this", _operand(node.this))
            node.set("expression", _operand(node.expression))
        elif (
            isinstance(node, exp.Like)
            and dialect == "duckdb"
            and node.expression.is_string
            and "\\" in node.expression.name
        ):
            node.replace(_escaped(node))
    return tree


_OTHERWISE = (exp.Div, exp.IntDiv, exp.Like, exp.AnyValue, exp.CountIf, exp.Intersect, exp.Except, exp.Trunc)


def _for_sqlite(tree: exp.Query) -> exp.Query:
    nodes = list(tree.find_all(*_OTHERWISE))
    aggregating = _aggregating(tree) if any(isinstance(n, exp.AnyValue) for n in nodes) else set()
    for node in nodes:
        match node:
            case exp.CountIf():
                node.replace(exp.Count(this=exp.If(this=node.this, true=exp.Literal.number(1), false=exp.Null())))
            case exp.Intersect() | exp.Except() if not node.args.get("distinct"):
                raise UnsupportedSql(f"{node.key.upper()} ALL in SQLite", "only DISTINCT can be computed there")
            case exp.Trunc() if isinstance(node.parent, exp.Cast) and node.parent.is_type(*exp.DataType.INTEGER_TYPES):
                node.replace(node.this)  # what CAST does there itself
            case exp.Div():
                node.replace(_real_division(node))
            case exp.IntDiv():
                node.replace(
                    exp.Div(this=_operand(node.this), expression=_operand(node.expression), typed=True, safe=True)
                )
            case exp.Like():
                node.replace(_case_sensitive(node))
            case exp.AnyValue():
                node.replace(_bare(node, aggregating))
    return tree


def _operand(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=node) if isinstance(node, exp.Binary) else node


def _real_division(node: exp.Div) -> exp.Div:
    """`a / b` with at least one side surely real; SQLite gives NULL on division by zero."""
    left, right = node.this, node.expression
    if not (_surely_real(left) or _surely_real(right)):
        left = exp.Cast(this=unbracketed(left), to=exp.DataType.build("REAL", dialect="sqlite"))
    return exp.Div(this=left, expression=right, typed=True, safe=True)


def _surely_real(node: exp.Expr) -> bool:
    node = unbracketed(node)
    match node:
        case exp.Literal():
            return not node.is_string and not node.is_int
        case exp.Cast():
            return bool(node.to.is_type(*exp.DataType.REAL_TYPES))
        case exp.Avg() | exp.Div() | exp.Round():
            return True
        case exp.Mul() | exp.Add() | exp.Sub():
            return _surely_real(node.left) or _surely_real(node.right)
        case exp.Neg() | exp.Sum() | exp.Abs():
            return _surely_real(node.this)
        case _:
            return False


def _case_sensitive(node: exp.Like) -> exp.Expr:
    """LIKE that minds case: LOWER(x) LIKE 'lower' stays, a literal pattern with letters becomes GLOB."""
    pattern, value = node.expression, node.this
    if isinstance(pattern, exp.Literal) and pattern.is_string:
        text = pattern.name
        upper = any("A" <= ch <= "Z" for ch in text)
        lower = any("a" <= ch <= "z" for ch in text)
        folded = (isinstance(value, exp.Lower) and not upper) or (isinstance(value, exp.Upper) and not lower)
        if folded or not (upper or lower):
            if "\\" not in text:
                return node
            return _escaped(node)
        glob = exp.Glob(this=value, expression=exp.Literal.string(_glob(text)))
        return exp.Not(this=glob) if node.args.get("negate") else glob
    if isinstance(value, exp.Lower) and isinstance(pattern, exp.Lower):
        return node
    raise UnsupportedSql("LIKE with a computed pattern in SQLite", "compare LOWER(…) LIKE LOWER(…)")


def _escaped(node: exp.Like) -> exp.Expr:
    """LIKE with the backslash named as its escape character."""
    plain = exp.Like(this=node.this, expression=node.expression)
    escaped = exp.Escape(this=plain, expression=exp.Literal.string("\\"))
    return exp.Not(this=escaped) if node.args.get("negate") else escaped


def _glob(pattern: str) -> str:
    """A LIKE pattern, in which a backslash makes the next character literal, as a GLOB pattern."""
    out = []
    characters = iter(pattern)
    for ch in characters:
        if ch == "\\":
            ch = next(characters, "")
            out.append(_BRACKETED.get(ch, ch))
        else:
            out.append(_WILDCARDS.get(ch) or _BRACKETED.get(ch, ch))
    return "".join(out)


def _bare(node: exp.AnyValue, aggregating: set[int]) -> exp.Expr:
    """SQLite's bare column: any row of the group, or the row of the only MIN/MAX beside it.

    Without GROUP BY it needs another aggregate beside it, and must be NULL where there are no rows: else MAX.
    """
    inner = node.this
    select = node.find_ancestor(exp.Select)
    if not isinstance(inner, exp.HavingMax):
        if isinstance(node.parent, exp.Window) or select is None:
            return exp.Max(this=inner)
        groups = select.args.get("group") is not None
        return inner if groups or (isinstance(inner, exp.Column) and id(select) in aggregating) else exp.Max(this=inner)
    wanted = exp.Max if inner.args.get("max") else exp.Min
    extremes = set()
    for part in select.find_all(exp.Max, exp.Min) if select is not None else ():
        if part.find_ancestor(exp.Select) is select and part.find_ancestor(exp.Window) is None:
            extremes.add(part)
    if extremes != {wanted(this=inner.expression)}:
        raise UnsupportedSql("ANY_VALUE(… HAVING MAX|MIN …) in SQLite", "only beside that MAX or MIN alone")
    return inner.this


def _aggregating(tree: exp.Query) -> set[int]:
    """`id()`s of the SELECTs that show or filter by an aggregate function other than ANY_VALUE."""
    found = set()
    for function in tree.find_all(exp.AggFunc):
        if not isinstance(function, exp.AnyValue) and not isinstance(function.parent, exp.Window):
            clause = function.find_ancestor(exp.Order, exp.Select)
            if isinstance(clause, exp.Select):
                found.add(id(clause))
    return found
