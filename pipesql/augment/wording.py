"""Questions as words: where a thing of the schema is named literally, and the same question about another thing.

A name counts only where the words beside it leave no doubt that it stands for the whole thing: `the name of` does,
`first name` and `name tag` do not.
"""

from __future__ import annotations

import re

_DETERMINERS = """the all of and each every different distinct show list find give return average mean total any
    what which by for is are report display"""
_CONTINUATIONS = "of for and in from that which who whose with is are do there we have per on"
_AFTER = frozenset(_CONTINUATIONS.split())
_VOWELS = frozenset("aeiouAEIOU")
DETERMINERS = frozenset(_DETERMINERS.split())
"""Words behind which a name stands for the whole thing."""
DISTRIBUTIVES = frozenset(["each", "every", "per"])
"""Words behind which a name says what is grouped by."""
PRONOUNS = frozenset(["he", "she", "it", "they", "him", "her", "them", "his", "its", "their"])
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_WORD = re.compile(r"[\w']+")


def readable(name: str) -> str:
    """A name of the schema as one would write it: `song_name` and `SongName` as `song name`."""
    return " ".join(part.lower() for part in _PARTS.findall(name))


def plural(words: str) -> str | None:
    """Regular plurals alone: None where adding an s would not do."""
    if not words or not words[-1].isalpha() or words.endswith(("s", "x", "z", "ch", "sh", "y", "f")):
        return None
    return f"{words}s"


def renamed(question: str, old: str, new: str, behind: frozenset[str] = DETERMINERS) -> str | None:
    """The question with the name `new` where `old` stood; None unless it stands there once and means just that.

    `behind` are the words behind which the name may stand. Words that begin alike (its plural) count as well.
    """
    found = list(re.finditer(rf"(?<![\w'-]){re.escape(old)}", question, re.IGNORECASE))
    if len(found) != 1 or not new:
        return None
    start, end = found[0].span()
    stem = old.split()[-1][:-1]
    if (
        re.match(r"[\w'-]", question[end:])
        or len(re.findall(rf"(?<!\w){re.escape(stem)}", question, re.IGNORECASE)) > 1
    ):
        return None
    before, after = _WORD.findall(question[:start]), _WORD.match(question[end:].lstrip())
    if not before or before[-1].lower() not in behind:
        return None
    if after is not None and after.group().lower() not in _AFTER:
        return None
    return question[:start] + new + question[end:]


def mentions(question: str, name: str) -> bool:
    """Whether the words stand in the question, one after another, in any case."""
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", question, re.IGNORECASE) is not None


def revalued(question: str, old: str, new: str) -> str | None:
    """The question with the value `new` where `old` stood; None unless it stands there once, spelt just so."""
    found = list(re.finditer(rf"(?<![\w.,-]){re.escape(old)}(?![\w-]|[.,]\d)", question))
    if len(found) != 1:
        return None
    start, end = found[0].span()
    before = _WORD.findall(question[:start])
    if before and before[-1].lower() in ("a", "an") and (old[0] in _VOWELS) != (new[0] in _VOWELS):
        return None
    return question[:start] + new + question[end:]


def split_at(question: str, name: str) -> tuple[str, str, str] | None:
    """The question up to and with the one place where `name` stands, the rest, and the final mark."""
    found = list(re.finditer(rf"\b{re.escape(name)}\b", question, re.IGNORECASE))
    if len(found) != 1:
        return None
    end = found[0].end()
    rest = question[end:].strip()
    text = rest.rstrip("?.! ")
    return question[:end], text, rest[len(text) :].strip()
