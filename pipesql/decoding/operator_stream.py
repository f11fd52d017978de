"""The rule by which a model's tokens become operators and answers.

One rule reads every model, trained on the markers or not: an operator ends at the step marker or at a line break
(pipe SQL has one operator a line), the answer at the end marker or where the model begins another turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipesql.chat.template import START, markers, operator_text
from pipesql.decoding.answers import Check, Decoded, Limits, OnAnswer
from pipesql.decoding.batch import Batch


@dataclass
class Row:
    """A query in the making.

    `ids` are the tokens since the last marker, of whose text the first `taken` characters (lines that are finished)
    belong to earlier operators; `begun` is the number of tokens at which the operator at hand began.
    """

    index: int
    operators: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    taken: int = 0
    tokens: int = 0
    begun: int = 0


def read_answer(tokenizer: Any, ids: Sequence[int], limits: Limits | None = None) -> Decoded:
    """An answer that was already generated, read by the rule of `decode`, without a check of its operators.

    `ids` are its tokens behind the prompt; what follows its end is not read. `stop` is `length` where they end before
    the answer does, and `invalid` where it is empty.
    """
    finished: list[Decoded] = []

    def finish(index: int, answer: Decoded) -> None:
        finished.append(answer)

    reading = Reading(tokenizer, lambda index, operators: None, limits or Limits(), finish)
    row = reading.row(0)
    for token in ids:
        if not reading.goes_on(row, token):
            return finished[0]
    rest = reading.text(row)
    return Decoded((*row.operators, *([rest] if rest else [])), "length", "the answer does not end", row.tokens)


class Reading:
    """Reads the rows of one call of `decode`; `on_answer` gets every answer."""

    def __init__(self, tokenizer: Any, check: Check, limits: Limits, on_answer: OnAnswer) -> None:
        self._tokenizer, self._check, self._limits, self._on_answer = tokenizer, check, limits, on_answer
        self._step = markers(tokenizer).step
        self._over = {markers(tokenizer).end, tokenizer.convert_tokens_to_ids(START)}

    rows_a_prompt = 1

    def row(self, index: int) -> Row:
        """A new row for the prompt of that index."""
        return Row(index)

    def take(self, rows: list[Row], batch: Batch) -> list[Row]:
        """Take the batch's tokens into its rows; finished ones leave both. Returns the rows that go on."""
        alive = [
            i
            for i, (row, token) in enumerate(zip(rows, batch.tokens.tolist(), strict=True))
            if self.goes_on(row, token)
        ]
        if len(alive) < len(rows):
            alive = [alive[place] for place in batch.keep(alive)]
        return [rows[i] for i in alive]

    def goes_on(self, row: Row, token: int) -> bool:
        """Take one token into a row; False when that finished it."""
        row.tokens += 1
        if token in self._over:
            if text := self.text(row):
                if self._operator_ends(row, text):
                    self._finish(row, "done", "")
            elif row.operators:
                self._finish(row, "done", "")
            else:
                self._finish(row, "invalid", "the answer is empty")
            return False
        rest = ""
        if token == self._step:
            lines = [self.text(row)]
            row.ids, row.taken = [], 0
        else:
            row.ids.append(token)
            *lines, rest = self.text(row).split("\n")
            if lines:
                row.taken = len(operator_text(self._tokenizer, row.ids)) - len(rest)
        for line in lines:
            if line.strip() and not (self._operator_ends(row, line) and self._has_room(row)):
                return False
        if row.tokens - row.begun < self._limits.operator_tokens:
            return True
        row.operators += [rest] if rest else []
        self._finish(row, "length", f"an operator does not end within {self._limits.operator_tokens} tokens")
        return False

    def text(self, row: Row) -> str:
        """What the operator at hand says so far, without blank lines before it."""
        return operator_text(self._tokenizer, row.ids)[row.taken :].lstrip()

    def _operator_ends(self, row: Row, text: str) -> bool:
        """Append a finished operator; False when it does not hold, which finishes the row."""
        row.operators.append(text.rstrip())
        row.begun = row.tokens
        error = self._check(row.index, row.operators)
        if error is not None:
            self._finish(row, "invalid", error)
        return error is None

    def _has_room(self, row: Row) -> bool:
        """May another operator follow? If not, the row is finished."""
        if len(row.operators) == self._limits.operators:
            self._finish(row, "length", f"the query does not end after {len(row.operators)} operators")
            return False
        return True

    def _finish(self, row: Row, stop: str, detail: str) -> None:
        self._on_answer(row.index, Decoded(tuple(row.operators), stop, detail, row.tokens))
