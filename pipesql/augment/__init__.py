"""New golden pairs from golden pairs: the query changed a little, and its question changed alike.

Only where the question names a thing literally can it be changed and stay true. Four rules do so: another value of the
same column (`values`), another column of the same table and type (`columns`), another table that has the same columns
(`tables`), and the filter of one question put into another that counts or sums (`composition`). What they propose is a
question like any other: it is decompiled, executed and compared before it counts.
"""

from pipesql.augment.grow import Grown, grow

__all__ = ["Grown", "grow"]
