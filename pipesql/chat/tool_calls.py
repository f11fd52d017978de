"""Tool calls as the assistant writes them, and its turns parsed.

A turn is text, or blocks, or both in this order:

    <tool_call>
    {"name": "execute_pipe_sql", "arguments": {"query": "FROM singer\n|> SELECT Name"}}
    </tool_call>

`chat.template` writes this text from messages; `read_message` is its inverse and gives the message again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipesql.errors import BadInput

OPEN, CLOSE = "<tool_call>\n", "\n</tool_call>"


def call(number: int, name: str, **arguments: Any) -> dict[str, Any]:
    """A tool call as part of a message; `number` counts the calls of a conversation from 1."""
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(calls: Sequence[Mapping[str, Any]], content: str = "") -> dict[str, Any]:
    """The assistant's message that makes these calls."""
    return {"role": "assistant", "content": content, "tool_calls": [dict(c) for c in calls]}


def answered(made: Mapping[str, Any], result: str) -> dict[str, Any]:
    """The message that holds a call's result."""
    return {"role": "tool", "tool_call_id": made["id"], "name": made["function"]["name"], "content": result}


def read_message(text: str, first: int = 1) -> dict[str, Any]:
    """Parse the text of the assistant's message, without its end marker.

    Its calls are numbered from `first`. Raises BadInput for a block that is not closed, not JSON, or without a tool.
    """
    content, found, rest = text.partition(OPEN)
    if not found:
        return {"role": "assistant", "content": text}
    calls: list[dict[str, Any]] = []
    while found:
        made, rest = _read_call(rest)
        calls.append(call(first + len(calls), made["name"], **made["arguments"]))
        between, found, rest = rest.partition(OPEN)
        if between.strip():
            raise BadInput(f"a tool call is followed by {between.strip()[:60]!r}; write another call, or end the turn")
    return calling(calls, content.removesuffix("\n"))


def _read_call(text: str) -> tuple[dict[str, Any], str]:
    """The call at the start of `text`, and the text after its block."""
    try:
        made, end = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as e:
        raise BadInput(f"a tool call is not JSON ({e.msg} at character {e.pos}): {text[:60]!r}") from e
    if not text[end:].startswith(CLOSE):
        raise BadInput(f"a tool call is not closed by </tool_call>: {text[:60]!r}")
    if not isinstance(made, dict) or not isinstance(made.get("name"), str):
        raise BadInput(f"a tool call has no tool name: {text[:end][:60]!r}")
    if not isinstance(made.get("arguments"), dict):
        raise BadInput(f"the arguments of the tool call {made['name']} are not a JSON object")
    return made, text[end + len(CLOSE) :]
