"""Samples as one HTML page that stands by itself, with the loss mask coloured token by token."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipesql.chat.template import markers, sequence
from pipesql.pages import render
from pipesql.records import Sample
from pipesql.samples.lengths import Histogram, Length, Ruler, histogram

TEMPLATE = Path(__file__).with_name("preview.html.jinja")


@dataclass(frozen=True)
class Piece:
    """A piece of text in one colour, usually one token. `kind`: prompt, target or marker."""

    text: str
    kind: str


@dataclass(frozen=True)
class Shown:
    """A sample as the page shows it."""

    sample: Sample
    length: Length
    pieces: tuple[Piece, ...]
    messages: tuple[dict[str, Any], ...]
    """The messages of a conversation, with the calls' arguments split; empty otherwise."""
    too_long: bool


@dataclass(frozen=True)
class Section:
    """The samples of one split and layout: all in the histogram, a few to read."""

    split: str
    layout: str
    count: int
    histogram: Histogram
    shown: tuple[Shown, ...]


def page(
    samples: Mapping[str, Sequence[Sample]],
    lengths: Mapping[str, Sequence[Length]],
    ruler: Ruler,
    max_length: int,
    limit: int,
    title: str = "Samples",
) -> str:
    """The page of all splits' samples; up to `limit` of each split and layout are shown, evenly spaced.

    `lengths` are the samples' lengths by `ruler`. The same input gives the same page.
    """
    sections = [
        section
        for split, rows in samples.items()
        for section in _sections(split, list(zip(rows, lengths[split], strict=True)), ruler, max_length, limit)
    ]
    return render(TEMPLATE, title=title, sections=sections, ruler=ruler, max_length=max_length)


def _sections(
    split: str, rows: Sequence[tuple[Sample, Length]], ruler: Ruler, max_length: int, limit: int
) -> Iterator[Section]:
    for layout in dict.fromkeys(sample.layout for sample, _ in rows):
        members = [row for row in rows if row[0].layout == layout]
        step = max(1, len(members) // limit)
        shown = tuple(_shown(*row, ruler, max_length) for row in members[::step][:limit])
        bars = histogram([length.whole for _, length in members], max_length)
        yield Section(split, layout, len(members), bars, shown)


def _shown(sample: Sample, length: Length, ruler: Ruler, max_length: int) -> Shown:
    pieces = _tokens(sample, ruler.tokenizer) if ruler.tokenizer is not None else _texts(sample)
    messages = tuple(_readable(m) for m in sample.prompt) if sample.layout == "tools" else ()
    return Shown(sample, length, tuple(pieces), messages, length.whole > max_length)


def _tokens(sample: Sample, tokenizer: Any) -> Iterator[Piece]:
    """The tokens with their text; tokens that together make one character are one piece."""
    tokens, special = sequence(tokenizer, sample), markers(tokenizer)
    learnt = {place for start, end in tokens.learnt for place in range(start, end)}
    held: list[int] = []
    for place, token in enumerate(tokens.ids):
        held.append(token)
        text = tokenizer.decode(held, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if text.endswith("�") and len(held) < 4:
            continue
        kind = "prompt" if place not in learnt else "marker" if token in (special.step, special.end) else "target"
        yield Piece(str(text), kind)
        held = []


def _texts(sample: Sample) -> Iterator[Piece]:
    """The messages and operators as pieces, without a tokenizer."""
    for message in sample.prompt:
        calls = "\n".join(json.dumps(c["function"], ensure_ascii=False) for c in message.get("tool_calls") or ())
        spoken = message["role"] == "assistant" and message.get("weight") != 0
        yield Piece(f"{message['role']}\n", "prompt")
        yield Piece(f"{message['content'] or ''}{calls}\n", "target" if spoken else "prompt")
    yield Piece("assistant\n", "prompt")
    for operator in sample.targets:
        yield Piece(f"{operator}\n", "target")


def _readable(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message for the page: calls as (name, arguments), a tool's result as its fields."""
    calls = [(c["function"]["name"], list(c["function"]["arguments"].items())) for c in message.get("tool_calls") or ()]
    result = json.loads(message["content"]) if message["role"] == "tool" else {}
    return {
        "role": message["role"],
        "content": message["content"] or "",
        "name": message.get("name", ""),
        "calls": calls,
        "result": result,
        "learnt": message["role"] == "assistant" and message.get("weight") != 0,
    }
