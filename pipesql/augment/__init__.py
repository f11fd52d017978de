"""New golden pairs from golden pairs: the query is changed a little, and its question in the same way.

A question can be changed and stay right only where it names a thing literally. Four rules do so: another value of the
same column, another column of the same table and type, another table with the same columns (`substitution`), and the
filter of one question in another that counts or sums (`composition`). A proposed question is treated like any other: it
is decompiled, executed and compared before it counts.
"""

from pipesql.augment.grow import Grown, grow

__all__ = ["Grown", "grow"]
