"""Samples to token ids with labels: loss on what the assistant says (operators and markers), on nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipesql.chat.template import markers, operator_ids, prompt_ids
from pipesql.records import Sample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""The label of a token that no loss is computed for."""


@dataclass(frozen=True)
class Row:
    """One sample as tokens: `input_ids` begin with `prompt_length` tokens of prompt, the rest are targets."""

    id: str
    db_id: str
    input_ids: tuple[int, ...]
    prompt_length: int

    @property
    def labels(self) -> tuple[int, ...]:
        """One label per token, not shifted: the prompt is ignored, every other token is its own label."""
        return (IGNORED,) * self.prompt_length + self.input_ids[self.prompt_length :]


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
    targets = [len(row.input_ids) - row.prompt_length for row in kept]
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
    """Prompt, then each target followed by its marker; `end` after the last target of a `final` sample."""
    mark = markers(tokenizer)
    prompt = prompt_ids(tokenizer, sample.prompt)
    answer: list[int] = []
    for number, target in enumerate(sample.targets, 1):
        answer += operator_ids(tokenizer, target, first=number == 1)
        answer.append(mark.end if sample.final and number == len(sample.targets) else mark.step)
    return Row(sample.id, sample.db_id, (*prompt, *answer), len(prompt))


def common_prefix(rows: Sequence[Row]) -> int:
    """How many leading prompt tokens all rows share."""
    first = min(row.input_ids[: row.prompt_length] for row in rows)
    last = max(row.input_ids[: row.prompt_length] for row in rows)
    length = 0
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        length += 1
    return length
