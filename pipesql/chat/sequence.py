"""A sample as tokens: the one place where training text becomes numbers, for training, statistics and the preview."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipesql.chat.template import conversation, markers, operator_ids
from pipesql.records import Sample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TokenSequence:
    """The tokens of a sample, and the half-open ranges of them that are learnt: never none, the last one at the end."""

    ids: tuple[int, ...]
    learnt: tuple[tuple[int, int], ...]

    @property
    def targets(self) -> int:
        """How many tokens are learnt."""
        return sum(end - start for start, end in self.learnt)


def sequence(tokenizer: PreTrainedTokenizerBase, sample: Sample) -> TokenSequence:
    """Prompt, then each target followed by its marker; `end` after the last target of a `final` sample."""
    mark = markers(tokenizer)
    prompt = conversation(tokenizer, sample.prompt, sample.tools)
    ids = list(prompt.ids)
    for number, target in enumerate(sample.targets, 1):
        ids += operator_ids(tokenizer, target, first=number == 1)
        ids.append(mark.end if sample.final and number == len(sample.targets) else mark.step)
    return TokenSequence(tuple(ids), (*prompt.learnt, (len(prompt.ids), len(ids))))
