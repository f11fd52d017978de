"""Samples to token ids with labels: loss on what the assistant says (operators and markers), on nothing else."""

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
"""The label of a token that no loss is computed for."""


@dataclass(frozen=True)
class Row:
    """One sample as tokens: `input_ids` begin with `prompt_length` tokens before the first that is learnt.

    The rest are targets, but for the half-open ranges `heard`: what a conversation with tools holds between the
    assistant's turns.
    """

    id: str
    db_id: str
    input_ids: tuple[int, ...]
    prompt_length: int
    layout: str = "folded"
    heard: tuple[tuple[int, int], ...] = ()

    @property
    def labels(self) -> tuple[int, ...]:
        """One label per token, not shifted: what is not the assistant's is ignored, every other token its own label."""
        labels = [IGNORED] * self.prompt_length + list(self.input_ids[self.prompt_length :])
        for start, end in self.heard:
            labels[start:end] = [IGNORED] * (end - start)
        return tuple(labels)


@dataclass(frozen=True)
class TokenStatistics:
    """What tokenising found; tokens are counted over the samples kept."""

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
    """Rows of the samples no longer than `max_length` tokens, in order, and the count of everything.

    A longer sample is dropped whole and counted: cut at the end it would teach unfinished queries.
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
    heard = tuple((end, start) for (_, end), (start, _) in itertools.pairwise(tokens.learnt))
    return Row(sample.id, sample.db_id, tokens.ids, tokens.learnt[0][0], sample.layout, heard)


def shared_prompt_length(rows: Sequence[Row]) -> int:
    """How many leading prompt tokens all rows share."""
    prompts = [row.input_ids[: row.prompt_length] for row in rows]
    return common_prefix([min(prompts), max(prompts)])  # in order of their tokens first and last differ the earliest
