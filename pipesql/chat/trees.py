"""Sample files: one sample a line, or trees, which hold the shared beginning of many prompts once.

A tree is a shorter way to write folded samples: their schema is in it once. Reading returns exactly the samples that it
was made from, and training puts them after one copy of that beginning again, token by token (`packing: shared`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipesql.chat.template import common_prefix
from pipesql.records import Sample, Tree
from pipesql.storage import read_json_lines, read_record


def grow(samples: Sequence[Sample]) -> list[Tree]:
    """Merge folded samples into one tree for each database and split, in the order of their first samples."""
    members: dict[tuple[str, str, str], list[Sample]] = {}
    for sample in samples:
        members.setdefault((sample.db_id, sample.split, repr(sample.prompt[:-1])), []).append(sample)
    return [_tree(rows) for rows in members.values()]


def _tree(rows: Sequence[Sample]) -> Tree:
    *before, last = rows[0].prompt
    texts = [str(sample.prompt[-1]["content"]) for sample in rows]
    lines_of = [text.splitlines(keepends=True) for text in texts]
    shared = "".join(lines_of[0][: common_prefix(lines_of)])
    branches = [
        {"id": sample.id, "rest": text[len(shared) :], "targets": list(sample.targets)}
        for sample, text in zip(rows, texts, strict=True)
    ]
    prompt = (*before, {**last, "content": shared})
    return Tree(f"{rows[0].db_id}/{rows[0].split}", rows[0].db_id, rows[0].split, prompt, tuple(branches))


def branches(tree: Tree) -> Iterator[Sample]:
    """The whole samples of a tree, in their order."""
    *before, last = tree.prompt
    for branch in tree.branches:
        prompt = (*before, {**last, "content": last["content"] + branch["rest"]})
        yield Sample(branch["id"], tree.db_id, tree.split, "tree", prompt, tuple(branch["targets"]))


def read_samples(path: Path) -> Iterator[Sample]:
    """Read the samples of a file, those of trees one by one. Raises InvalidFile with file and line."""
    for number, row in read_json_lines(path):
        where = f"{path}, line {number}"
        if "branches" in row:
            yield from branches(read_record(row, Tree, where))
        else:
            yield read_record(row, Sample, where)


def lines(samples: Iterable[Sample]) -> list[Any]:
    """The records of a file of these samples: those of layout `tree` merged, the others one by one."""
    rows = list(samples)
    grown = grow([replace(sample, layout="folded") for sample in rows if sample.layout == "tree"])
    return [*grown, *(sample for sample in rows if sample.layout != "tree")]
