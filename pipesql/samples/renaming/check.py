"""Renamed samples compared with the pairs that they were made from: names must be all that differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sqlglot.dialects import BigQuery

from pipesql.chat.prompts import schema_text
from pipesql.pipe.schema import Schema
from pipesql.records import GoldenPair, Sample
from pipesql.samples.renaming.names import stem, words


def renaming_faults(samples: Sequence[Sample], pairs: Mapping[str, GoldenPair], schema: Schema) -> Iterator[str]:
    """A sentence for each fault in the samples of one renaming; `pairs` by their samples' ids, `schema` the real one.

    Questions and queries must have the same words in the same places, but for those that are exchanged, each for the
    same other word throughout; and the prompts must name as many things as the schema, by these words.
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
        question = _prompt(sample).rpartition("Question: ")[2].partition("\nQuery so far:")[0]
        yield from exchange.take(sample.id, list(words(pair.question)), list(words(question)))
    real = Counter(map(stem, words(schema_text(schema))))
    for sample in samples:
        shown = Counter(map(stem, words(_prompt(sample).partition("\n\n")[0])))
        if not exchange.matches(real, shown):
            yield f"{sample.id}: its prompt names more, fewer or other things than the database has"


class _Exchange:
    """Which stem was exchanged for which, as far as seen."""

    def __init__(self) -> None:
        self._there: dict[str, str] = {}
        self._back: dict[str, str] = {}

    def take(self, name: str, old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
        """Compare two texts; a sentence, which begins with `name`, for each word that contradicts those before."""
        if len(old) != len(new):
            yield f"{name}: it has other words than its pair, not just other names"
            return
        for one, other in zip(map(stem, old), map(stem, new), strict=True):
            if self._there.setdefault(one, other) != other or self._back.setdefault(other, one) != one:
                yield f"{name}: {one} is called {other} here and {self._there[one]} elsewhere"

    def matches(self, real: Counter[str], shown: Counter[str]) -> bool:
        """Whether the schema shown has as many words as the real one, and each known word as often as its original."""
        return real.total() == shown.total() and all(
            shown[self._there[word]] == count for word, count in real.items() if word in self._there
        )


def _prompt(sample: Sample) -> str:
    return str(sample.prompt[1]["content"])


def _words(operator: str) -> list[str]:
    """The words of an operator's text, token by token."""
    return [word for token in BigQuery().tokenize(operator) for word in words(token.text)]
