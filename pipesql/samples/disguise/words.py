"""The words that names and questions are made of, and texts in which some of them are other words.

A word is known by its stem, what is left without a regular plural, so that `singers` in a question and `singer_id` in
a schema are changed alike, each in its own number and case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_VOWELS = "aeiou"


def words(text: str) -> Iterator[str]:
    """The words of a name or of a question in lower case: `song`, `Name` of `songName`, `song_name` and `song name`."""
    return (match.group().lower() for match in _WORDS.finditer(text))


def stems(text: str) -> set[str]:
    """The stems of its words."""
    return {stem(word) for word in words(text)}


def stem(word: str) -> str:
    """A word in lower case without its regular plural ending."""
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    return word[:-1]


def plural(word: str) -> str:
    """The regular plural of a stem."""
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"


def changed(text: str, others: Mapping[str, str]) -> str:
    """The text with other words, given by stem, in the number and the case of those that stood there."""

    def other(match: re.Match[str]) -> str:
        word = match.group()
        found = others.get(stem(word.lower()))
        if found is None:
            return word
        if stem(word.lower()) != word.lower():
            found = plural(found)
        return found.upper() if word.isupper() and len(word) > 1 else found.capitalize() if word[0].isupper() else found

    return _WORDS.sub(other, text)
