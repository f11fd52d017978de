"""Schema renaming: training databases under other names, with the same questions and queries on them."""

from pipesql.samples.renaming.check import renaming_faults
from pipesql.samples.renaming.rename import rename_database, vocabulary

__all__ = ["rename_database", "renaming_faults", "vocabulary"]
