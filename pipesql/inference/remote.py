"""Chat models behind any server that speaks OpenAI's chat completions (vLLM, llama.cpp, …), and their answers.

Such a model returns whole texts. They are read operator by operator; where one does not hold, the server is asked again
from there, with the query so far in the prompt, as in the layout `steps`. After `DecodeLimits.backtracks` retries the
query ends before the operator that does not hold, which is then an answer; without any operator there is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests

from pipesql.decoding.types import Check, Decoded, DecodeLimits
from pipesql.errors import ModelUnavailable
from pipesql.inference.chat_model import AssistantMessage, ChatModel

MAX_COMPLAINT = 2_000
"""Characters of a server's error message that are passed on."""


class RemoteChatModel:
    """A chat model at `url` (`http://127.0.0.1:8000/v1`), greedy. `key` is sent as a bearer token unless empty."""

    def __init__(self, url: str, model: str, key: str = "", timeout_s: float = 120.0, max_tokens: int = 512) -> None:
        self._url, self._model, self._timeout_s = url.rstrip("/") + "/chat/completions", model, timeout_s
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._max_tokens = max_tokens

    def complete(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> AssistantMessage:
        """The next message. Raises ModelUnavailable where the server does not return a chat completion."""
        request: dict[str, Any] = {
            "model": self._model,
            "messages": [_sent(message) for message in messages],
            "temperature": 0,
            "max_tokens": self._max_tokens,
        }
        if tools:
            request["tools"] = list(tools)
        try:
            reply = requests.post(self._url, json=request, headers=self._headers, timeout=self._timeout_s)
        except requests.RequestException as error:
            raise ModelUnavailable(f"no answer from {self._url}: {error}; is the server running there?") from error
        if not reply.ok:
            raise ModelUnavailable(f"{self._url} answered {reply.status_code}: {reply.text[:MAX_COMPLAINT]}")
        try:
            (choice, *_), usage = reply.json()["choices"], reply.json().get("usage") or {}
            message = choice["message"]
            calls = tuple(_received(call) for call in message.get("tool_calls") or ())
            text = str(message.get("content") or "")
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ModelUnavailable(
                f"{self._url} did not answer with a chat completion ({error!r}); is it an OpenAI-compatible API?"
            ) from error
        ended = choice.get("finish_reason") != "length"
        return AssistantMessage(text, int(usage.get("completion_tokens", 0)), ended, calls)


def _sent(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message in OpenAI's form, in which arguments are JSON text; fields of our own are left out."""
    sent = {k: v for k, v in message.items() if k != "weight"}
    if calls := message.get("tool_calls"):
        sent["tool_calls"] = [
            {**call, "function": {**call["function"], "arguments": json.dumps(call["function"]["arguments"])}}
            for call in calls
        ]
    return sent


def _received(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call with its arguments as an object; text that is not JSON becomes an argument that no tool has."""
    given = call["function"]["arguments"]
    try:
        arguments = json.loads(given) if isinstance(given, str) else dict(given)
    except ValueError:
        arguments = {"unreadable": given}
    if not isinstance(arguments, dict):
        arguments = {"unreadable": arguments}
    return {**call, "function": {"name": str(call["function"]["name"]), "arguments": arguments}}


MessagesOf = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]
"""Operators so far → the messages that ask for the rest of the query."""


def answer_remotely(
    model: ChatModel,
    messages_of: MessagesOf,
    check: Check,
    *,
    index: int = 0,
    limits: DecodeLimits | None = None,
    one_by_one: bool = False,
) -> Decoded:
    """Answer one question with a chat model; `check` is called with its `index`.

    `one_by_one`: the model was trained to write one operator per message, so that it is asked for the next operator
    until its message is empty. `backtracks` of the answer counts the retries. Raises ModelUnavailable where the model
    cannot answer.
    """
    limits = limits or DecodeLimits()
    operators: tuple[str, ...] = ()
    tokens = retries = 0
    while True:
        message = model.complete(messages_of(operators), ())
        tokens += message.tokens
        lines = [line.strip() for line in message.text.split("\n") if line.strip()]
        if lines and not lines[0].startswith("|>"):
            operators = ()  # a whole query, not the rest of the one so far
        error = "" if message.ended else "the answer does not end"
        for line in lines[:1] if one_by_one else lines:
            error = check(index, (*operators, line)) or ""
            if error:
                break
            operators = (*operators, line)
            if len(operators) == limits.operators:
                return Decoded(operators, "done", "", tokens, backtracks=retries)
        if not error and (not one_by_one or not lines):
            if operators:
                return Decoded(operators, "done", "", tokens, backtracks=retries)
            error = "the answer is empty"
        if error and retries == limits.backtracks:
            if not operators:
                return Decoded(tuple(lines[:1]), "invalid", error, tokens, backtracks=retries)
            detail = f"operator {len(operators) + 1} was given up: {error}"
            return Decoded(operators, "done", detail, tokens, backtracks=retries)
        retries += bool(error)
