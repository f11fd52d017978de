"""A model that is served elsewhere, by any server that speaks OpenAI's chat completions (vLLM, llama.cpp, …)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from pipesql.errors import ModelUnavailable
from pipesql.generate.speaker import Turn

LONGEST = 2_000
"""So many characters of a server's complaint are passed on."""


class Endpoint:
    """A Speaker at `url` (`http://127.0.0.1:8000/v1`); greedy. `key` is sent as a bearer token where there is one."""

    def __init__(self, url: str, model: str, key: str = "", timeout_s: float = 120.0, turn_tokens: int = 512) -> None:
        self._url, self._model, self._timeout_s = url.rstrip("/") + "/chat/completions", model, timeout_s
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._turn_tokens = turn_tokens

    def say(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> Turn:
        """The next turn. Raises ModelUnavailable where the server does not answer as it should, saying how."""
        asked: dict[str, Any] = {
            "model": self._model,
            "messages": [_sent(message) for message in messages],
            "temperature": 0,
            "max_tokens": self._turn_tokens,
        }
        if tools:
            asked["tools"] = list(tools)
        try:
            reply = requests.post(self._url, json=asked, headers=self._headers, timeout=self._timeout_s)
        except requests.RequestException as error:
            raise ModelUnavailable(f"no answer from {self._url}: {error}; is the server running there?") from error
        if not reply.ok:
            raise ModelUnavailable(f"{self._url} answered {reply.status_code}: {reply.text[:LONGEST]}")
        try:
            (choice, *_), usage = reply.json()["choices"], reply.json().get("usage") or {}
            said = choice["message"]
            calls = tuple(_read(call) for call in said.get("tool_calls") or ())
            text = str(said.get("content") or "")
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ModelUnavailable(f"{self._url} did not answer with a chat completion ({error!r})") from error
        return Turn(text, int(usage.get("completion_tokens", 0)), choice.get("finish_reason") != "length", calls)


def _sent(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message in OpenAI's form, in which arguments are JSON text; our own fields are left out."""
    sent = {k: v for k, v in message.items() if k != "weight"}
    if calls := message.get("tool_calls"):
        sent["tool_calls"] = [
            {**call, "function": {**call["function"], "arguments": json.dumps(call["function"]["arguments"])}}
            for call in calls
        ]
    return sent


def _read(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call with its arguments as an object; what is no JSON becomes an argument that no tool takes."""
    given = call["function"]["arguments"]
    try:
        arguments = json.loads(given) if isinstance(given, str) else dict(given)
    except ValueError:
        arguments = {"unreadable": given}
    if not isinstance(arguments, dict):
        arguments = {"unreadable": arguments}
    return {**call, "function": {"name": str(call["function"]["name"]), "arguments": arguments}}
