"""Databases under other names: the same questions and queries, a schema that was never seen."""

from pipesql.samples.renaming.check import SIGN, disguise_faults, original
from pipesql.samples.renaming.renamed import disguised, vocabulary

__all__ = ["SIGN", "disguise_faults", "disguised", "original", "vocabulary"]
