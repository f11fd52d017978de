"""The tokens that may come next in an operator: the grammars of `operators`, run by llguidance over a tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import llguidance.hf
import numpy as np
from llguidance import LLMatcher

from pipesql.chat.template import markers, operator_text
from pipesql.decoding.grammar import operators
from pipesql.errors import InvalidOption, SqlError
from pipesql.pipe.reading.parser import parse_operators
from pipesql.pipe.resolving.resolve import resolve
from pipesql.pipe.schema import Schema
from pipesql.pipe.scope import Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = 512
"""Compiled grammars that are kept: questions on one database share those of their first operators."""


class GrammarCompiler:
    """Compiles grammars for one tokenizer; `vocabulary` is the width of the model's logits.

    Raises InvalidOption for a tokenizer that llguidance cannot read (it needs a fast one).
    """

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        try:
            self.tokens = llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary)
        except ValueError as error:
            raise InvalidOption(f"constrained decoding needs a fast tokenizer: {error}; give constrained=0") from error
        self.tokenizer, self.vocabulary, self.markers = tokenizer, vocabulary, markers(tokenizer)
        self._compiled = lru_cache(maxsize=KEPT)(self._compile)

    def operator(
        self, schema: Schema, before: Sequence[str], *, newline: bool = True, more: bool = True
    ) -> OperatorMask:
        """The mask of the operator after `before`, which must resolve.

        `newline`: its text begins with a line break where it is not the first. `more`: another one may follow it.
        """
        return OperatorMask(self, schema, tuple(before), newline, more)

    def matcher(self, grammar: str) -> LLMatcher:
        """A matcher at the start of a grammar."""
        return self._compiled(grammar).deep_copy()

    def _compile(self, grammar: str) -> LLMatcher:
        matcher = LLMatcher(self.tokens, LLMatcher.grammar_from_lark(grammar))
        if matcher.is_error():
            raise AssertionError(f"a grammar that cannot be compiled: {matcher.get_error()}")
        return matcher


class OperatorMask:
    """An unfinished operator: the tokens taken so far decide which may come next.

    The markers may come where the operator may end. The condition of a JOIN has a grammar of its own, over the names of
    both tables, which are known once its source is written.
    """

    def __init__(
        self, compiler: GrammarCompiler, schema: Schema, before: tuple[str, ...], newline: bool, more: bool
    ) -> None:
        self._compiler, self._schema, self._before, self._more = compiler, schema, before, more
        if before:
            start = "\n|> " if newline else "|> "
            grammar = operators.following(schema, _scope(schema, before), start, _ctes(before))
        else:
            grammar = operators.first(schema)
        self._matcher = compiler.matcher(grammar)
        self._ids: list[int] = []
        self._joins = False

    def copy(self) -> Self:
        """The same place, to continue from differently."""
        other = copy(self)
        other._matcher, other._ids = self._matcher.deep_copy(), list(self._ids)
        return other

    def take(self, token: int) -> str | None:
        """Take a token that is allowed. Returns a sentence where what it completes cannot stand here all the same."""
        if not self._matcher.consume_token(token):
            raise AssertionError(f"token {token} is not allowed here: {self._matcher.get_error()}")
        self._ids.append(token)
        if not self._joins and self._matcher.is_stopped():
            text = operator_text(self._compiler.tokenizer, self._ids)
            if text.endswith(operators.ON):
                return self._begin_condition(text)
        return None

    def _begin_condition(self, text: str) -> str | None:
        """Switch to the grammar of a JOIN's condition."""
        self._joins = True
        try:
            scope = _scope(self._schema, (*self._before, f"{text} TRUE"))
        except SqlError as error:
            return str(error)
        self._matcher = self._compiler.matcher(operators.condition(self._schema, scope, _ctes(self._before)))
        return None

    def allowed(self) -> NDArray[np.bool_]:
        """For every token whether it may come next; at least one may."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.unpackbits(bits, bitorder="little")[: self._compiler.vocabulary].astype(np.bool_)
        marks, ends = self._compiler.markers, self._matcher.is_accepting()
        allowed[marks.step] = ends and self._more
        allowed[marks.end] = ends
        return allowed


def _ctes(before: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(cte.name for cte in parse_operators(before).ctes)


def _scope(schema: Schema, before: tuple[str, ...]) -> Scope:
    return resolve(parse_operators(before), schema)[-1]
