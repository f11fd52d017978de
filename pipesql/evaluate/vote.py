"""The answer that most samples agree on: not by their text, but by the rows that it returns.

Each distinct text counts by the probability that the model gives it, so that a rare way to say something adds little;
texts that return the same rows add up. What speaks against a text makes it count for less. The share of the winner is a
measure of how sure the model is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

from pipesql.generate.decoded import Decoded

RowsOf = Callable[[Sequence[str]], Hashable | None]
"""Operators → what stands for the rows that they return, equal where those are; None where they do not run."""
CostOf = Callable[[Sequence[str]], float]
"""Operators → what speaks against them, in nats."""


def vote(answers: Sequence[Decoded], rows_of: RowsOf, cost_of: CostOf = lambda operators: 0.0) -> tuple[Decoded, float]:
    """The likeliest answer of the result that wins, costs taken off, and the share in (0, 1] that the result has of
    all; the first answer and 0 where none of them runs. Answers of equal weight keep their order."""
    results: dict[Hashable, dict[tuple[str, ...], Decoded]] = defaultdict(dict)
    for answer in answers:
        rows = rows_of(answer.operators) if answer.stop == "done" else None
        if rows is not None:
            results[rows].setdefault(answer.operators, answer)
    if not results:
        return answers[0], 0.0
    worth = {text: found.score - cost_of(text) for texts in results.values() for text, found in texts.items()}
    top = max(worth.values())
    weights = {rows: sum(math.exp(worth[text] - top) for text in texts) for rows, texts in results.items()}
    winner = max(weights, key=lambda rows: weights[rows])
    best = max(results[winner].values(), key=lambda answer: worth[answer.operators])
    return best, weights[winner] / sum(weights.values())
