"""The operators that GoogleSQL alone has, or writes in a way of its own, to text."""

from __future__ import annotations

from sqlglot import exp

from pipesql.errors import UnsupportedSql
from pipesql.pipe import operators as op
from pipesql.pipe.printing.texts import Texts
from pipesql.pipe.query import Subpipeline


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
