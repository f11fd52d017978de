"""How long samples are, in tokens of a model, or in characters where no tokenizer is at hand, which is then said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipesql.chat.sequence import sequence
from pipesql.models.cache import cache_folder
from pipesql.records import Sample

DEFAULT = "smol"
NO_TOKENIZER = (
    "lengths are in characters: the tokenizer of smol is not on this machine; "
    "train once with model smol, or give tokenizer=smol (fetches it) or the folder of a model"
)


@dataclass(frozen=True)
class Length:
    """Of one sample: everything, and what of it is learnt."""

    whole: int
    learnt: int


@dataclass(frozen=True)
class Ruler:
    """What lengths are counted in. `tokenizer` is None for characters; `name` and `note` are for reports."""

    unit: str
    name: str
    note: str
    tokenizer: Any = None

    def measure(self, samples: Sequence[Sample]) -> list[Length]:
        """The length of each sample."""
        if self.tokenizer is None:
            return [_characters(sample) for sample in samples]
        found = (sequence(self.tokenizer, sample) for sample in samples)
        return [Length(len(tokens.ids), tokens.targets) for tokens in found]


def ruler(tokenizer: str = "auto") -> Ruler:
    """The ruler for a model's name or folder; `auto` is smol where that is on this machine, else characters.

    Raises ModelUnavailable for a model that was named and cannot be had.
    """
    if tokenizer == "auto":
        from pipesql.models.smol import FOLDER

        if not (cache_folder() / FOLDER).is_dir():
            return Ruler("characters", "", NO_TOKENIZER)
    from pipesql.models import resolve_model
    from pipesql.models.load import load_tokenizer

    source = resolve_model(DEFAULT if tokenizer == "auto" else tokenizer)
    return Ruler("tokens", source.description, "", load_tokenizer(source))


def _characters(sample: Sample) -> Length:
    """Characters of all messages, tools and targets, without the template's own."""
    said = [json.dumps(m.get("tool_calls")) for m in sample.prompt if m.get("tool_calls") and m.get("weight") != 0]
    learnt = sum(map(len, [*said, *sample.targets]))
    heard = sum(len(m["content"] or "") for m in sample.prompt)
    offered = len(json.dumps(sample.tools)) if sample.tools else 0
    return Length(learnt + heard + offered, learnt)
