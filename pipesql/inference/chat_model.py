"""Chat models: whatever completes a conversation with the assistant's next message.

`LocalChatModel` runs in this process, over one KV cache; `remote.RemoteChatModel` asks a server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from pipesql.chat.template import START, common_prefix, conversation, markers, operator_text
from pipesql.decoding.kv_cache import KVCache
from pipesql.pipe.query import text_of


@dataclass(frozen=True)
class AssistantMessage:
    """The message that a chat model completed: its `text`; `calls` of tools, where the model returns them separately;
    the number of `tokens` generated; whether it `ended` before a limit."""

    text: str
    tokens: int = 0
    ended: bool = True
    calls: tuple[dict[str, Any], ...] = ()


class ChatModel(Protocol):
    """Completes a conversation."""

    def complete(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AssistantMessage: ...


class LocalChatModel:
    """A model and its tokenizer, greedy, for one conversation at a time. It keeps what it read for earlier messages."""

    def __init__(self, model: Any, tokenizer: Any, max_tokens: int = 512) -> None:
        """`max_tokens` limits one message."""
        self._model, self._tokenizer, self._max_tokens = model, tokenizer, max_tokens
        self._cache, self._read = KVCache(), list[int]()

    def complete(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> AssistantMessage:
        """The next message; its step markers become line breaks, so that it has one operator a line."""
        marks = markers(self._tokenizer)
        over = {marks.end, self._tokenizer.convert_tokens_to_ids(START)}
        ids, written = conversation(self._tokenizer, messages, tools).ids, list[int]()
        was_training = self._model.training
        self._model.eval()
        try:
            with torch.inference_mode():
                token = self._next(ids)
                while token not in over and len(written) < self._max_tokens:
                    written.append(token)
                    token = self._next([*ids, *written])
        finally:
            self._model.train(was_training)
        return AssistantMessage(self._text(written, marks.step), len(written) + 1, token in over)

    def _next(self, ids: Sequence[int]) -> int:
        """The most likely token after `ids`; the model reads only those that are not in the cache."""
        kept = min(common_prefix([self._read, ids]), len(ids) - 1)
        if kept < len(self._read):
            self._cache.crop(kept - len(self._read))  # a negative number removes that many tokens
        rest = torch.tensor([ids[kept:]], device=self._model.device)
        places = torch.arange(kept, len(ids), device=self._model.device)[None]
        logits = self._model(
            input_ids=rest, position_ids=places, past_key_values=self._cache, use_cache=True, logits_to_keep=1
        ).logits
        self._read = list(ids)
        return int(logits[0, -1].argmax())

    def _text(self, ids: Sequence[int], step: int) -> str:
        operators: list[list[int]] = [[]]
        for token in ids:
            if token == step:
                operators.append([])
            else:
                operators[-1].append(token)
        return text_of(text for one in operators if (text := operator_text(self._tokenizer, one)))
