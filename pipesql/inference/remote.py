"""A model that is served elsewhere, by any server that speaks OpenAI's chat completions (vLLM, llama.cpp, …).

Answers by a speaker that gives whole texts, such as a server: read operator by operator, and asked again from where
the first one does not hold.

The prompt then holds the query so far, as in the layout `steps`. After so many times (`Limits.switches`) the query ends
before the operator that does not hold, which is then an answer; without any operator there is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests

from pipesql.decoding.answers import Check, Decoded, Limits
from pipesql.errors import ModelUnavailable
from pipesql.inference.chat_model import Speaker, Turn

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


MessagesOf = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]
"""Operators so far → the messages that ask how the query goes on."""


def answer_served(
    speaker: Speaker,
    messages_of: MessagesOf,
    check: Check,
    *,
    index: int = 0,
    limits: Limits | None = None,
    one_by_one: bool = False,
) -> Decoded:
    """The answer to one question, `index` of which `check` is told.

    `one_by_one`: the model was trained to give one operator a turn, so that a turn without an error is asked to go on;
    it ends where it says nothing more. `retries` are counted as `switches`. Raises ModelUnavailable where the speaker
    cannot answer.
    """
    limits = limits or Limits()
    operators: tuple[str, ...] = ()
    tokens = retries = 0
    while True:
        turn = speaker.say(messages_of(operators), ())
        tokens += turn.tokens
        lines = [line.strip() for line in turn.text.split("\n") if line.strip()]
        if lines and not lines[0].startswith("|>"):
            operators = ()  # a whole query, not how the one so far goes on
        error = "" if turn.ended else "the answer does not end"
        for line in lines[:1] if one_by_one else lines:
            error = check(index, (*operators, line)) or ""
            if error:
                break
            operators = (*operators, line)
            if len(operators) == limits.operators:
                return Decoded(operators, "done", "", tokens, switches=retries)
        if not error and (not one_by_one or not lines):
            if operators:
                return Decoded(operators, "done", "", tokens, switches=retries)
            error = "the answer is empty"
        if error and retries == limits.switches:
            if not operators:
                return Decoded(tuple(lines[:1]), "invalid", error, tokens, switches=retries)
            detail = f"operator {len(operators) + 1} was given up: {error}"
            return Decoded(operators, "done", detail, tokens, switches=retries)
        retries += bool(error)
