"""Operators to canonical pipe text: one operator a line, `|> ` first, nested queries on the same line.

The text is what models are trained on and what `parse` reads back: print∘parse is the identity on it.
"""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql, depth_bounded
from pipesql.pipe import operators as op
from pipesql.pipe.printing.expressions import Texts
from pipesql.pipe.query import PipeQuery, Subpipeline, text_of


@depth_bounded
def print_query(query: PipeQuery, dialect: str = "bigquery") -> str:
    """The whole query, one operator a line. Raises UnsupportedSql for what the dialect cannot express."""
    return text_of(print_operators(query, dialect))


@depth_bounded
def print_operators(query: PipeQuery, dialect: str = "bigquery") -> list[str]:
    """One text an operator; joined by line breaks they are the query. A leading WITH belongs to the first."""
    if dialect == "spark":
        from pipesql.pipe.printing.spark import for_spark

        query = for_spark(query)
    texts = Texts(dialect, _inline, _segment)
    lines = [_segment(texts, o) for o in query.operators]
    lines[1:] = [f"|> {line}" for line in lines[1:]]
    if query.ctes:
        lines[0] = f"{texts.ctes(query.ctes, query.recursive)} {lines[0]}"
    return lines


def _inline(held: PipeQuery | op.Argument, dialect: str) -> str:
    if isinstance(held, op.Argument):
        return argument_text(held, Texts(dialect, _inline, _segment))
    return " ".join(print_operators(held, dialect))


def _segment(texts: Texts, operator: op.Operator) -> str:
    """One operator without its `|> `."""
    match operator:
        case op.From(source, joins):
            return f"FROM {texts.one(source)}" + "".join(_joined(texts, j) for j in joins)
        case op.Join():
            return _join(texts, operator)
        case op.Where(condition):
            return f"WHERE {texts.one(condition)}"
        case op.Extend(items, windows):
            return f"EXTEND {texts.listed(items)}{_windows(texts, windows)}"
        case op.Set(assignments):
            return "SET " + ", ".join(f"{texts.name(n)} = {texts.one(e)}" for n, e in assignments)
        case op.Drop(names):
            return f"DROP {texts.names(names)}"
        case op.Rename(pairs):
            return "RENAME " + ", ".join(f"{texts.name(a)} AS {texts.name(b)}" for a, b in pairs)
        case op.Select():
            return _select(texts, operator)
        case op.Aggregate():
            return _aggregate(texts, operator)
        case op.OrderBy(keys):
            return f"ORDER BY {texts.listed(keys)}"
        case op.Limit(count, offset):
            return f"LIMIT {texts.amount(count)}" + (f" OFFSET {texts.amount(offset)}" if offset else "")
        case op.Distinct():
            return "DISTINCT"
        case op.SetOperation():
            return _set_operation(texts, operator)
        case op.As(name):
            return f"AS {texts.name(name)}"
        case op.Nested(query, alias):
            return f"({texts.query(query)}){texts.alias(alias)}"
        case op.Block(query):
            return texts.one(query)
    if texts.dialect != "bigquery":
        raise UnsupportedSql(f"printing the operator {op.keyword(operator)} in {texts.dialect}")
    return segment(texts, operator)


def _joined(texts: Texts, join: op.Join) -> str:
    """A join inside FROM."""
    return f", {texts.one(join.source)}" if join.kind == "COMMA" else f" {_join(texts, join)}"


def _join(texts: Texts, join: op.Join) -> str:
    natural = "NATURAL " if join.natural else ""
    head = f"{natural}{join.kind} JOIN".lstrip().replace("  ", " ")
    if join.on is not None:
        return f"{head} {texts.one(join.source)} ON {texts.one(join.on)}"
    using = f" USING ({texts.names(join.using)})" if join.using else ""
    return f"{head} {texts.one(join.source)}{using}"


def _windows(texts: Texts, windows: tuple[exp.Expr, ...]) -> str:
    return f" WINDOW {texts.listed(windows)}" if windows else ""


def _select(texts: Texts, select: op.Select) -> str:
    distinct = " DISTINCT" if select.distinct else ""
    shape = f" AS {select.shape}" if select.shape else ""
    return f"SELECT{distinct}{shape} {texts.listed(select.items)}{_windows(texts, select.windows)}"


def _aggregate(texts: Texts, aggregate: op.Aggregate) -> str:
    parts = ["AGGREGATE"]
    if aggregate.items:
        parts.append(_suffixed(texts, aggregate.items, aggregate.item_order))
    if aggregate.keys:
        parts.append("GROUP AND ORDER BY" if aggregate.and_order else "GROUP BY")
        parts.append(_suffixed(texts, aggregate.keys, aggregate.key_order))
    return " ".join(parts)


def _suffixed(texts: Texts, items: tuple[exp.Expr, ...], order: tuple[op.Suffix | None, ...]) -> str:
    shown = [_key(texts, item) for item in items]
    return ", ".join(s + _suffix(o) for s, o in zip(shown, order, strict=True)) if order else ", ".join(shown)


def _key(texts: Texts, key: exp.Expr) -> str:
    for kind, word in ((exp.Rollup, "ROLLUP"), (exp.Cube, "CUBE"), (exp.GroupingSets, "GROUPING SETS")):
        if isinstance(key, kind):
            return f"{word} ({', '.join(_key(texts, k) for k in key.expressions)})"
    return texts.one(key)


def _suffix(suffix: op.Suffix | None) -> str:
    if suffix is None:
        return ""
    direction = "" if suffix.desc is None else " DESC" if suffix.desc else " ASC"
    nulls = "" if suffix.nulls_first is None else " NULLS FIRST" if suffix.nulls_first else " NULLS LAST"
    return direction + nulls


def _set_operation(texts: Texts, operation: op.SetOperation) -> str:
    head = [operation.side, operation.kind, "DISTINCT" if operation.distinct else "ALL"]
    head += ["STRICT" if operation.strict else "", texts.matching(operation.matching, operation.on)]
    return " ".join(word for word in head if word) + " " + ", ".join(f"({texts.query(q)})" for q in operation.queries)


def segment(texts: Texts, operator: op.Operator) -> str:
    """One operator without its `|> `. Raises UnsupportedSql."""
    match operator:
        case op.Window(items):
            return f"WINDOW {texts.listed(items)}"
        case op.With(ctes, recursive):
            return texts.ctes(ctes, recursive)
        case op.RecursiveUnion():
            return _recursive_union(texts, operator)
        case op.Call():
            arguments = ", ".join(argument_text(a, texts) for a in operator.arguments)
            function = ".".join(texts.name(part) for part in operator.function)
            return f"CALL {function}({arguments}){texts.alias(operator.alias)}"
        case op.TableSample():
            return _sample(texts, operator)
        case op.Pivot(aggregates, subject, values, alias):
            inside = f"{texts.listed(aggregates)} FOR {texts.one(subject)} IN ({texts.listed(values)})"
            return f"PIVOT ({inside}){texts.alias(alias)}"
        case op.Unpivot():
            return _unpivot(texts, operator)
        case op.Assert(condition, messages):
            return f"ASSERT {texts.listed((condition, *messages))}"
        case op.Describe(static):
            return "STATIC_DESCRIBE" if static else "DESCRIBE"
        case op.Log(pipeline):
            return f"LOG {texts.pipeline(pipeline)}" if pipeline is not None else "LOG"
        case op.Tee(pipelines):
            return " ".join(["TEE", ", ".join(texts.pipeline(p) for p in pipelines)]).rstrip()
        case op.Fork(pipelines):
            return f"FORK {', '.join(texts.pipeline(p) for p in pipelines)}"
        case op.If():
            return _if(texts, operator)
        case op.Write(statement):
            return _export(texts, statement) if isinstance(statement, exp.Export) else texts.one(statement)
    raise UnsupportedSql(f"printing the operator {op.keyword(operator)}")


def _recursive_union(texts: Texts, union: op.RecursiveUnion) -> str:
    words = ["RECURSIVE UNION", "DISTINCT" if union.distinct else "ALL", union.matching]
    inner = union.query
    query = texts.pipeline(inner) if isinstance(inner, Subpipeline) else f"({texts.query(inner)})"
    return " ".join(word for word in (*words, query) if word) + texts.alias(union.alias)


def argument_text(argument: op.Argument, texts: Texts) -> str:
    """One argument of a table function."""
    name = f"{texts.name(argument.name)} => " if argument.name else ""
    value = "" if argument.value is None else texts.one(argument.value)
    separator = " " if argument.kind and value and argument.kind != "DESCRIPTOR" else ""
    return f"{name}{argument.kind}{separator}{value}"


def _sample(texts: Texts, sample: op.TableSample) -> str:
    partition = f" PARTITION BY {texts.listed(sample.partition)}" if sample.partition else ""
    out = f"TABLESAMPLE {texts.name(sample.method)} ({texts.one(sample.size)} {sample.unit}{partition})"
    if sample.weight is not None:
        out += f" WITH WEIGHT{texts.alias(sample.weight)}"
    return out + (f" REPEATABLE ({texts.one(sample.seed)})" if sample.seed is not None else "")


def _unpivot(texts: Texts, unpivot: op.Unpivot) -> str:
    nulls = f" {unpivot.nulls} NULLS" if unpivot.nulls else ""
    groups = ", ".join(_group(texts, group) for group in unpivot.groups)
    inside = f"{_columns(texts, unpivot.values)} FOR {texts.name(unpivot.name)} IN ({groups})"
    return f"UNPIVOT{nulls} ({inside}){texts.alias(unpivot.alias)}"


def _group(texts: Texts, group: op.UnpivotGroup) -> str:
    label = f" AS {texts.one(group.label)}" if group.label is not None else ""
    return _columns(texts, group.columns) + label


def _columns(texts: Texts, names: tuple[str, ...]) -> str:
    return texts.name(names[0]) if len(names) == 1 else f"({texts.names(names)})"


def _export(texts: Texts, statement: exp.Export) -> str:
    connection, options = statement.args.get("connection"), statement.args.get("options")
    out = "EXPORT DATA"
    if connection is not None:
        out += f" WITH CONNECTION {texts.one(connection)}"
    if options is not None:
        pairs = [f"{texts.name(o.name)} = {texts.one(o.args['value'])}" for o in options.expressions]
        out += f" OPTIONS ({', '.join(pairs)})"
    return out


def _if(texts: Texts, operator: op.If) -> str:
    branches = [f"IF {texts.one(condition)} THEN {texts.pipeline(p)}" for condition, p in operator.branches]
    otherwise = f" ELSE {texts.pipeline(operator.otherwise)}" if operator.otherwise is not None else ""
    return " ELSE".join(branches) + otherwise
