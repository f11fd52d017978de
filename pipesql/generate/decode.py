"""Greedy decoding of pipe queries, operator by operator, over one growing cache of keys and values.

The model writes what it was trained on: an operator, the step marker, the next operator … and the end marker after
the last. Whenever a row ends an operator, the text so far goes to a `check`; an error ends that row at once, so no
token is spent behind a name that does not exist. Nothing is read twice: the cache grows across operators, rows that
are done leave the batch, and prompts with a common beginning share it (see `prefix`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from pipesql.chat.template import markers, operator_text
from pipesql.errors import BadInput
from pipesql.generate.prefix import PrefixReader, shared_lengths

Check = Callable[[int, Sequence[str]], str | None]
"""(index of the prompt, operators so far) → the sentence of an error, or None when they hold."""


@dataclass(frozen=True)
class Limits:
    """How far one answer may go: tokens of one operator (its marker included) and operators of one query."""

    operator_tokens: int = 96
    operators: int = 16


@dataclass(frozen=True)
class Decoded:
    """One answer. `stop`: `done` (end marker), `invalid` (the last operator does not hold) or `length` (a limit).

    `operators` holds every operator begun, the offending or unfinished one included; `tokens` counts all that were
    generated, markers included.
    """

    operators: tuple[str, ...]
    stop: str
    detail: str = ""
    tokens: int = 0


@dataclass
class _Row:
    """A query in the making: `ids` are the tokens of the operator at hand."""

    index: int
    operators: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    tokens: int = 0


def decode(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    check: Check,
    *,
    limits: Limits | None = None,
    batch: int = 16,
    on_answer: Callable[[int, Decoded], None] | None = None,
) -> list[Decoded]:
    """Answer every prompt (token ids); results in the order of the prompts, each also given to `on_answer`.

    `batch` is the number of rows decoded together; results do not depend on it (up to the rounding of floats).
    Raises BadInput for an empty prompt or a batch below 1.
    """
    if batch < 1:
        raise BadInput(f"a batch of {batch} rows cannot be decoded; use 1 or more")
    for index, prompt in enumerate(prompts):
        if not prompt:
            raise BadInput(f"prompt {index} is empty; every prompt needs at least one token")
    answers: dict[int, Decoded] = {}

    def finish(row: _Row, stop: str, detail: str) -> None:
        answers[row.index] = Decoded(tuple(row.operators), stop, detail, row.tokens)
        if on_answer is not None:
            on_answer(row.index, answers[row.index])

    decoder = _Decoder(model, tokenizer, check, limits or Limits(), finish)
    order, shared = shared_lengths(prompts)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for start in range(0, len(order), batch):
                decoder.batch([(i, prompts[i], shared[i]) for i in order[start : start + batch]])
    finally:
        model.train(was_training)
    return [answers[i] for i in range(len(prompts))]


class _Decoder:
    def __init__(
        self, model: Any, tokenizer: Any, check: Check, limits: Limits, finish: Callable[[_Row, str, str], None]
    ) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._check, self._limits, self._finish = check, limits, finish
        self._marks = markers(tokenizer)
        self._reader = PrefixReader(model)

    def batch(self, prompts: Sequence[tuple[int, Sequence[int], int]]) -> None:
        """Decode (index, token ids, length of the shared prefix) together until every row is finished."""
        rows = [_Row(index) for index, _, _ in prompts]
        cache, mask = self._reader.batch([tuple(ids[:shared]) for _, ids, shared in prompts])
        input_ids, rest = left_padded([ids[shared:] for _, ids, shared in prompts], self._marks.end, self._model.device)
        mask = torch.cat([mask, rest], dim=1)
        # A position counts the tokens read before it; padding, wherever it stands, is masked and counts for nothing.
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -input_ids.shape[1] :]
        while rows:
            logits = self._model(
                input_ids=input_ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits
            chosen = logits[:, -1].argmax(-1)
            alive = [i for i, token in enumerate(chosen.tolist()) if self._goes_on(rows[i], token)]
            if len(alive) < len(rows):
                rows = [rows[i] for i in alive]
                keep = torch.tensor(alive, dtype=torch.long, device=chosen.device)
                chosen, mask, positions = chosen[keep], mask[keep], positions[keep]
                cache.batch_select_indices(keep)
            input_ids = chosen[:, None]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            positions = positions[:, -1:] + 1

    def _goes_on(self, row: _Row, token: int) -> bool:
        """Take one token into a row; False when that finished it."""
        row.tokens += 1
        if token not in (self._marks.step, self._marks.end):
            row.ids.append(token)
            if len(row.ids) < self._limits.operator_tokens:
                return True
            self._take_operator(row)
            self._finish(row, "length", f"operator {len(row.operators)} is longer than {len(row.ids)} tokens")
            return False
        error = self._take_operator(row) or self._check(row.index, row.operators)
        if error is not None:
            self._finish(row, "invalid", error)
        elif token == self._marks.end:
            self._finish(row, "done", "")
        elif len(row.operators) == self._limits.operators:
            self._finish(row, "length", f"the query has more than {self._limits.operators} operators")
        else:
            row.ids = []
            return True
        return False

    def _take_operator(self, row: _Row) -> str | None:
        """Append the text of the operator at hand; the sentence of an error when it is empty."""
        text = operator_text(self._tokenizer, row.ids)
        row.operators.append(text)
        return None if text.strip() else f"operator {len(row.operators)} is empty"


def left_padded(
    sequences: Sequence[Sequence[int]], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and their mask (both rows × longest), padding on the left and masked."""
    width = max(len(s) for s in sequences)
    ids = torch.full((len(sequences), width), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, width - len(sequence) :] = torch.tensor(sequence)
        mask[row, width - len(sequence) :] = 1
    return ids.to(device), mask.to(device)
