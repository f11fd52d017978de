"""The tools as models and servers get them: functions with JSON-schema parameters, in OpenAI's form."""

from __future__ import annotations

from typing import Any

MAX_SAMPLED = 10
"""Rows that `sample_data` returns at most."""


def _tool(name: str, description: str, required: tuple[str, ...] = (), **parameters: dict[str, Any]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": parameters,
        "required": list(required),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


_TABLE = {"type": "string", "description": "Name of a table."}
_QUERY = {"type": "string", "description": "FROM table |> operator |> …"}

SPECS: tuple[dict[str, Any], ...] = (
    _tool("list_tables", "The names of all tables."),
    _tool("describe_table", "Columns, types and keys of a table, and its number of rows.", ("table",), table=_TABLE),
    _tool(
        "sample_data",
        "The first rows of a table.",
        ("table",),
        table=_TABLE,
        limit={
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_SAMPLED,
            "description": "How many rows; 3 if left out.",
        },
    ),
    _tool("execute_pipe_sql", "Run a pipe SQL query: its first rows and their number.", ("query",), query=_QUERY),
    _tool("validate_pipe_sql", "Check a pipe SQL query without running it.", ("query",), query=_QUERY),
)
"""All tools; `toolbox` describes their results."""


def argument_error(spec: dict[str, Any], arguments: dict[str, Any]) -> str:
    """The error in the arguments of a call, in a sentence; empty where they are right."""
    name, schema = spec["function"]["name"], spec["function"]["parameters"]
    known = schema["properties"]
    for given in arguments:
        if given not in known:
            return f"{name} has no argument {given}; it takes {', '.join(known) or 'none'}"
    for needed in schema["required"]:
        if needed not in arguments:
            return f"{name} needs the argument {needed}"
    for given, value in arguments.items():
        if wrong := _wrong(known[given], value):
            return f"{name}: the argument {given} must be {wrong}"
    return ""


def _wrong(rule: dict[str, Any], value: Any) -> str:
    if rule["type"] == "string":
        return "" if isinstance(value, str) else "a text"
    low, high = rule["minimum"], rule["maximum"]
    whole = isinstance(value, int) and not isinstance(value, bool)
    return "" if whole and low <= value <= high else f"a whole number from {low} to {high}"
