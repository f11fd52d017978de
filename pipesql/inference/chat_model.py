"""Who speaks for the assistant in a conversation: a model in this process, turn by turn over one cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from pipesql.chat.template import START, conversation, markers, operator_text
from pipesql.decoding.kv_cache import GrowingCache
from pipesql.decoding.prefix_cache import common_length
from pipesql.pipe.query import text_of


@dataclass(frozen=True)
class Turn:
    """What was said: the `text` of the turn, or `calls` where the speaker gives calls of tools apart; `tokens` that
    were written; whether it `ended` before a limit."""

    text: str
    tokens: int = 0
    ended: bool = True
    calls: tuple[dict[str, Any], ...] = ()


class Speaker(Protocol):
    """Says the assistant's next turn."""

    def say(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> Turn: ...


class LocalSpeaker:
    """A model and its tokenizer, greedy; one conversation at a time. What it read in the turns before is kept."""

    def __init__(self, model: Any, tokenizer: Any, turn_tokens: int = 512) -> None:
        """`turn_tokens` is the most that one turn may have."""
        self._model, self._tokenizer, self._turn_tokens = model, tokenizer, turn_tokens
        self._cache, self._read = GrowingCache(), list[int]()

    def say(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> Turn:
        """The next turn; step markers in it stand as line breaks, so that operators come a line each."""
        marks = markers(self._tokenizer)
        over = {marks.end, self._tokenizer.convert_tokens_to_ids(START)}
        ids, said = conversation(self._tokenizer, messages, tools).ids, list[int]()
        was_training = self._model.training
        self._model.eval()
        try:
            with torch.inference_mode():
                token = self._next(ids)
                while token not in over and len(said) < self._turn_tokens:
                    said.append(token)
                    token = self._next([*ids, *said])
        finally:
            self._model.train(was_training)
        return Turn(self._text(said, marks.step), len(said) + 1, token in over)

    def _next(self, ids: Sequence[int]) -> int:
        """The likeliest token behind `ids`, of which only what was not read yet is read."""
        kept = min(common_length(self._read, ids), len(ids) - 1)
        if kept < len(self._read):
            self._cache.crop(kept - len(self._read))  # a negative number: so many tokens less
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
