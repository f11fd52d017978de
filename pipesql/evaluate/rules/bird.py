"""Whether an answer is right by the rule of BIRD, and its softer score.

Source: J. Li et al., "Can LLM Already Serve as A Database Interface? A BIg Bench for Large-Scale Database Grounded
Text-to-SQLs", NeurIPS 2023, and github.com/bird-bench/mini_dev, `evaluation/evaluation_ex.py` and `evaluation_f1.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = tuple[Any, ...]


def same_set(gold: Sequence[Row], rows: Sequence[Row]) -> bool:
    """Execution accuracy: the same set of rows. Neither order nor duplicates matter; the order of columns does."""
    return set(gold) == set(rows)


def soft_f1(gold: Sequence[Row], rows: Sequence[Row]) -> float:
    """The Soft F1-Score, in 0…1.

    Only the first of duplicate rows stays. The i-th row is compared with the i-th gold row: its values that stand
    anywhere in the gold row are hits, the others surplus; values of the gold row that do not stand in it are misses.
    All three are divided by the gold row's width (so an answer with more columns can have more than one hit per row). A
    row without a partner is one miss, or one surplus, as a whole. From the sums:

        precision = hits / (hits + surplus)     recall = hits / (hits + misses)     F1 = 2·p·r / (p + r)

    Two empty results score 1. Rows are paired by their place: the same rows in another order score less.
    """
    if not gold and not rows:
        return 1.0
    wanted, given = list(dict.fromkeys(gold)), list(dict.fromkeys(rows))
    hits = surplus = misses = 0.0
    for need, have in zip(wanted, given, strict=False):
        found = sum(value in need for value in have)
        hits += found / len(need)
        surplus += (len(have) - found) / len(need)
        misses += sum(value not in have for value in need) / len(need)
    misses += max(0, len(wanted) - len(given))
    surplus += max(0, len(given) - len(wanted))
    if not hits:
        return 0.0
    precision, recall = hits / (hits + surplus), hits / (hits + misses)
    return 2 * precision * recall / (precision + recall)
