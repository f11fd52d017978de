"""Samples as token ids with labels: only the assistant's tokens (operators and markers) are targets of the loss."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipesql.chat.template import common_prefix, sequence
from pipesql.records import Sample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""The label of a token that is not a target."""


@dataclass(frozen=True)
class Row:
    """One sample as tokens: `input_ids` begins with `prompt_length` tokens of the prompt.

    The rest are targets, except the half-open ranges `ignored`: the text between the assistant's turns in a
    conversation with tools.
    """

    id: str
    db_id: str
    input_ids: tuple[int, ...]
    prompt_length: int
    layout: str = "folded"
    ignored: tuple[tuple[int, int], ...] = ()

    @property
    def labels(self) -> tuple[int, ...]:
        """One label per token, not shifted: a target's label is the token itself, any other token's is IGNORED."""
        labels = [IGNORED] * self.prompt_length + list(self.input_ids[self.prompt_length :])
        for start, end in self.ignored:
            labels[start:end] = [IGNORED] * (end - start)
        return tuple(labels)


@dataclass(frozen=True)
class TokenStatistics:
    """Counts of tokenising; tokens are counted over the samples that were kept."""

    samples: int
    kept: int
    too_long: int
    too_long_ids: tuple[str, ...]
    tokens: int
    target_tokens: int
    longest: int
    median: int
    longest_target: int
    databases: int


def tokenise(
    samples: Iterable[Sample], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> tuple[list[Row], TokenStatistics]:
    """Rows of the samples with up to `max_length` tokens, in order, and the counts.

    A longer sample is dropped and counted: cut off at the end, it would teach unfinished queries.
    """
    rows = [tokenise_sample(sample, tokenizer) for sample in samples]
    kept = [row for row in rows if len(row.input_ids) <= max_length]
    lengths = sorted(len(row.input_ids) for row in kept)
    targets = [sum(label != IGNORED for label in row.labels) for row in kept]
    long = tuple(row.id for row in rows if len(row.input_ids) > max_length)
    return kept, TokenStatistics(
        samples=len(rows),
        kept=len(kept),
        too_long=len(long),
        too_long_ids=long,
        tokens=sum(lengths),
        target_tokens=sum(targets),
        longest=lengths[-1] if lengths else 0,
        median=lengths[len(lengths) // 2] if lengths else 0,
        longest_target=max(targets, default=0),
        databases=len({row.db_id for row in kept}),
    )


def tokenise_sample(sample: Sample, tokenizer: PreTrainedTokenizerBase) -> Row:
    """The sample's tokens (`chat.template`) as a row."""
    tokens = sequence(tokenizer, sample)
    ignored = tuple((end, start) for (_, end), (start, _) in itertools.pairwise(tokens.learnt))
    return Row(sample.id, sample.db_id, tokens.ids, tokens.learnt[0][0], sample.layout, ignored)


def shared_prompt_length(rows: Sequence[Row]) -> int:
    """The number of leading prompt tokens that all rows share."""
    prompts = [row.input_ids[: row.prompt_length] for row in rows]
    return common_prefix([min(prompts), max(prompts)])  # in order of their tokens, the first and the last differ most
