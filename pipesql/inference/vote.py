"""A vote among several answers to one question: not by their text, but by the rows that they return.

Each distinct text counts by the probability that the model gives it, so that a rare phrasing adds little; texts that
return the same rows add up. A cost makes a text count for less. The share of the winner is a measure of how sure the
model is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

from pipesql.decoding.types import Decoded

RowsOf = Callable[[Sequence[str]], Hashable | None]
"""Operators → a value that is equal for two queries that return the same rows; None for one that does not run."""
CostOf = Callable[[Sequence[str]], float]
"""Operators → what is to be taken off their log probability, in nats."""


def vote(answers: Sequence[Decoded], rows_of: RowsOf, cost_of: CostOf = lambda operators: 0.0) -> tuple[Decoded, float]:
    """The most likely answer of the result that wins, costs taken off, and that result's share of the votes in (0, 1].

    The first answer and 0 where none of them runs. Answers of equal weight keep their order.
    """
    results: dict[Hashable, dict[tuple[str, ...], Decoded]] = defaultdict(dict)
    for answer in answers:
        rows = rows_of(answer.operators) if answer.stop == "done" else None
        if rows is not None:
            results[rows].setdefault(answer.operators, answer)
    if not results:
        return answers[0], 0.0
    net = {text: found.logprob - cost_of(text) for texts in results.values() for text, found in texts.items()}
    top = max(net.values())
    weights = {rows: sum(math.exp(net[text] - top) for text in texts) for rows, texts in results.items()}
    winner = max(weights, key=lambda rows: weights[rows])
    best = max(results[winner].values(), key=lambda answer: net[answer.operators])
    return best, weights[winner] / sum(weights.values())
