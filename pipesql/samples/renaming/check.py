"""Disguised samples held against the pairs that they were made of: one change of names, and nothing but that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sqlglot.dialects import BigQuery

from pipesql.chat.prompts import schema_text
from pipesql.pipe.schema import Schema
from pipesql.records import GoldenPair, Sample
from pipesql.samples.renaming.names import stem, words

SIGN = "@"
"""Stands in the ids of disguised samples and databases, before the number of the disguise."""


def original(name: str) -> str:
    """The id of the pair, or of the database, that a disguised one was made of; any other id as it is."""
    before, sign, number = name.rpartition(SIGN)
    return before if sign and number.isdigit() else name


def disguise_faults(samples: Sequence[Sample], pairs: Mapping[str, GoldenPair], schema: Schema) -> Iterator[str]:
    """A sentence for each fault of the samples of one disguise; `pairs` by their samples' ids, `schema` the true one.

    Questions and queries must have the same words in the same places but for those that are exchanged, each for one
    other throughout; and the prompts must name as many things as the schema, by these words.
    """
    exchange = _Exchange()
    begins: Counter[str] = Counter()
    for sample in samples:
        pair, begin = pairs[sample.id], begins[sample.id]
        begins[sample.id] += len(sample.targets)
        if begins[sample.id] > len(pair.operators):
            yield f"{sample.id}: it has more operators than its pair"
            continue
        for old, new in zip(pair.operators[begin:], sample.targets, strict=False):
            yield from exchange.take(sample.id, _words(old), _words(new))
        asked = _asked(sample).rpartition("Question: ")[2].partition("\nQuery so far:")[0]
        yield from exchange.take(sample.id, list(words(pair.question)), list(words(asked)))
    true = Counter(map(stem, words(schema_text(schema))))
    for sample in samples:
        told = Counter(map(stem, words(_asked(sample).partition("\n\n")[0])))
        if not exchange.fits(true, told):
            yield f"{sample.id}: its prompt names more, fewer or other things than the database has"


class _Exchange:
    """Which stem stands for which, as far as it has been seen."""

    def __init__(self) -> None:
        self._there: dict[str, str] = {}
        self._back: dict[str, str] = {}

    def take(self, name: str, old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
        """Take in two texts; a sentence, which begins with `name`, for what does not go with what was seen before."""
        if len(old) != len(new):
            yield f"{name}: it has other words than its pair, not just other names"
            return
        for one, other in zip(map(stem, old), map(stem, new), strict=True):
            if self._there.setdefault(one, other) != other or self._back.setdefault(other, one) != one:
                yield f"{name}: {one} is called {other}, elsewhere {self._there[one]}"

    def fits(self, true: Counter[str], told: Counter[str]) -> bool:
        """Whether as many words are told as there are, and each that is known as often as the one it stands for."""
        return true.total() == told.total() and all(
            told[self._there[word]] == count for word, count in true.items() if word in self._there
        )


def _asked(sample: Sample) -> str:
    return str(sample.prompt[1]["content"])


def _words(operator: str) -> list[str]:
    """The words of an operator's text, token by token."""
    return [word for token in BigQuery().tokenize(operator) for word in words(token.text)]
