"""Disguised samples held against the pairs that they were made of: one change of names, and nothing but that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sqlglot.dialects import BigQuery
from sqlglot.tokens import Token

from pipesql.chat.prompts import schema_text
from pipesql.pipe.schema import Schema
from pipesql.records import GoldenPair, Sample
from pipesql.samples.disguise.words import stem, words

SIGN = "@"
"""Stands in the ids of disguised samples and databases, before the number of the disguise."""


def original(name: str) -> str:
    """The id of the pair, or of the database, that a disguised one was made of; any other id as it is."""
    before, sign, number = name.rpartition(SIGN)
    return before if sign and number.isdigit() else name


def disguise_faults(samples: Sequence[Sample], pairs: Mapping[str, GoldenPair], schema: Schema) -> Iterator[str]:
    """A sentence for each fault of the samples of one disguise; `pairs` by their samples' ids, `schema` the true one.

    Texts must have the same words in the same places but for those that are exchanged, each for one other throughout.
    """
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    so_far: dict[str, int] = {}
    true_names = Counter(map(stem, words(schema_text(schema))))
    for sample in samples:
        pair, begin = pairs[sample.id], so_far.get(sample.id, 0)
        so_far[sample.id] = begin + len(sample.targets)
        asked = str(sample.prompt[1]["content"])
        lines = asked.splitlines()
        told, question = lines[: lines.index("")], asked.rpartition("Question: ")[2].split("\nQuery so far:")[0]
        texts = zip(pair.operators[begin : so_far[sample.id]], sample.targets, strict=False)
        if so_far[sample.id] > len(pair.operators) or len(sample.targets) > len(pair.operators):
            yield f"{sample.id}: it has more operators than its pair"
        said = [(_words(old), _words(new)) for old, new in texts]
        said.append((list(words(pair.question.strip())), list(words(question))))
        for olds, news in said:
            if len(olds) != len(news):
                yield f"{sample.id}: it has other words than its pair, not just other names"
                continue
            for old, new in zip(map(stem, olds), map(stem, news), strict=True):
                if there.setdefault(old, new) != new or back.setdefault(new, old) != old:
                    yield f"{sample.id}: {old} is called {new}, elsewhere {there[old]}"
        found = Counter(back.get(word, word) for line in told for word in map(stem, words(line)))
        if sum(found.values()) != sum(true_names.values()):
            yield f"{sample.id}: its prompt has more or fewer names than the database"


def _words(operator: str) -> list[str]:
    """The words of an operator's text, token by token."""
    tokens: list[Token] = BigQuery().tokenize(operator)
    return [word for token in tokens for word in words(token.text)]
