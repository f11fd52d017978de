"""Trees: a shorter way to write folded samples, and the same samples when read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipesql.chat.trees import grow, lines, read_samples
from pipesql.errors import BadInput
from pipesql.records import Sample
from pipesql.storage import write_jsonl

SCHEMA = "singer: id int key, name\nconcert: id int key, singer int = singer.id"


def sample(number: int, db: str = "music", question: str = "Who") -> Sample:
    prompt = (
        {"role": "system", "content": "Answer."},
        {"role": "user", "content": f"{SCHEMA}\n\nQuestion: {question} is number {number}?"},
    )
    return Sample(f"{db}-{number}", db, "train", "tree", prompt, ("FROM singer", f"|> LIMIT {number}"))


def test_reading_gives_back_what_was_grown(tmp_path: Path) -> None:
    samples = [sample(1), sample(2, question="Where"), sample(3), sample(1, "zoo")]
    talk = replace(sample(9), id="q#tools", layout="tools")
    count = write_jsonl(tmp_path / "s.jsonl", lines([*samples, talk]))
    assert count == 3
    assert list(read_samples(tmp_path / "s.jsonl")) == [*samples, talk]


def test_the_schema_is_written_once() -> None:
    (tree,) = grow([sample(n) for n in range(20)])
    assert tree.prompt[-1]["content"] == f"{SCHEMA}\n\n"
    assert tree.branches[3] == {
        "id": "music-3",
        "rest": "Question: Who is number 3?",
        "targets": ["FROM singer", "|> LIMIT 3"],
    }


def test_a_line_that_is_neither_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(BadInput, match=r"s\.jsonl, line 1: not a Sample \(missing"):
        list(read_samples(tmp_path / "s.jsonl"))
    (tmp_path / "s.jsonl").write_text('{"branches": []}\n')
    with pytest.raises(BadInput, match="not a Tree"):
        list(read_samples(tmp_path / "s.jsonl"))
