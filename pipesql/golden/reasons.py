"""What the reasons of rejections mean, and whose matter each is."""

from __future__ import annotations

MEANINGS = {
    "gold_error": ("the gold does not execute on the real database", "the benchmark's"),
    "undecidable": (
        "the gold has more than one right answer, and contradicts itself on reversed rows",
        "the benchmark's",
    ),
    "unproved": ("the gold does not execute on the disturbed copy", "the benchmark's"),
    "refused": ("the language cannot express a construct and says so", "a wish"),
    "reread": ("the printed text cannot be read back or lowered", "a defect"),
    "impure": ("a standard-SQL block is left in the text", "a defect"),
    "prefix": ("a prefix of the query is no query", "a defect"),
    "error": ("the lowered query fails where the gold does not", "a defect"),
    "timeout": ("the lowered query is far slower than the gold", "a defect"),
    "mismatch": ("another result than the gold's", "a defect"),
}
"""Class of a reason (what stands before its colon) → what it means, whose matter it is."""


def meaning(reason: str) -> tuple[str, str]:
    """Of a reason with or without its detail behind the colon."""
    if reason == "mismatch:undecidable":
        return (
            "rows come otherwise, the gold's order cannot be checked, it does not contradict itself",
            "to be looked at",
        )
    if reason == "unproved:empty":
        return ("the gold finds nothing, and there is no disturbed copy of the database to look at", "the benchmark's")
    return MEANINGS[reason.partition(":")[0]]
