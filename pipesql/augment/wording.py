"""Questions as words: where they name a thing of the schema literally, and the same question about another thing.

A name counts only if the words around it show that it means the whole thing: in `the name of` it does, in `first name`
and `name tag` it does not.
"""

from __future__ import annotations

import re

_DETERMINERS = """the all of and each every different distinct show list find give return average mean total any
    what which by for is are report display"""
_CONTINUATIONS = "of for and in from that which who whose with is are do there we have per on"
_FOLLOWING = frozenset(_CONTINUATIONS.split())
_VOWELS = frozenset("aeiouAEIOU")
DETERMINERS = frozenset(_DETERMINERS.split())
"""Words after which a name means the whole thing."""
DISTRIBUTIVES = frozenset(["each", "every", "per"])
"""Words after which a name is what the query groups by."""
PRONOUNS = frozenset(["he", "she", "it", "they", "him", "her", "them", "his", "its", "their"])
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_WORD = re.compile(r"[\w']+")


def readable(name: str) -> str:
    """A name of the schema in plain words: `song_name` and `SongName` as `song name`."""
    return " ".join(part.lower() for part in _PARTS.findall(name))


def plural(words: str) -> str | None:
    """The plural with an s; None if the regular plural is formed in another way."""
    if not words or not words[-1].isalpha() or words.endswith(("s", "x", "z", "ch", "sh", "y", "f")):
        return None
    return f"{words}s"


def renamed(question: str, old: str, new: str, after: frozenset[str] = DETERMINERS) -> str | None:
    """The question with the name `new` in place of `old`; None unless `old` is in it once and means just that.

    `after` are the words after which the name may come. Words with the same beginning (its plural) count as well.
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
    before, next_word = _WORD.findall(question[:start]), _WORD.match(question[end:].lstrip())
    if not before or before[-1].lower() not in after:
        return None
    if next_word is not None and next_word.group().lower() not in _FOLLOWING:
        return None
    return question[:start] + new + question[end:]


def mentions(question: str, name: str) -> bool:
    """Whether the question contains these words one after another, in any case."""
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", question, re.IGNORECASE) is not None


def revalued(question: str, old: str, new: str) -> str | None:
    """The question with the value `new` in place of `old`; None unless `old` is in it exactly once, spelt like this."""
    found = list(re.finditer(rf"(?<![\w.,-]){re.escape(old)}(?![\w-]|[.,]\d)", question))
    if len(found) != 1:
        return None
    start, end = found[0].span()
    before = _WORD.findall(question[:start])
    if before and before[-1].lower() in ("a", "an") and (old[0] in _VOWELS) != (new[0] in _VOWELS):
        return None
    return question[:start] + new + question[end:]


def split_at(question: str, name: str) -> tuple[str, str, str] | None:
    """The question up to and including the only place of `name`, the rest, and the final mark."""
    found = list(re.finditer(rf"\b{re.escape(name)}\b", question, re.IGNORECASE))
    if len(found) != 1:
        return None
    end = found[0].end()
    rest = question[end:].strip()
    text = rest.rstrip("?.! ")
    return question[:end], text, rest[len(text) :].strip()
