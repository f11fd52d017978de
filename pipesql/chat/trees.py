"""Sample files: one sample a line, or trees, which hold the beginning that many prompts share once.

A tree is a way to write folded samples, a fraction as long: their schema stands in it once. Reading gives back the very
samples that it was grown from, and training lays them behind one copy of that beginning again, token by token
(`packing: shared`).
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
    """The folded samples as one tree a database and split, in the order in which those are first met."""
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
    """The samples that a tree holds, in their order, whole."""
    *before, last = tree.prompt
    for branch in tree.branches:
        prompt = (*before, {**last, "content": last["content"] + branch["rest"]})
        yield Sample(branch["id"], tree.db_id, tree.split, "tree", prompt, tuple(branch["targets"]))


def read_samples(path: Path) -> Iterator[Sample]:
    """The samples of a file, those of a tree one by one. Raises BadInput with file and line."""
    for number, row in read_json_lines(path):
        where = f"{path}, line {number}"
        if "branches" in row:
            yield from branches(read_record(row, Tree, where))
        else:
            yield read_record(row, Sample, where)


def lines(samples: Iterable[Sample]) -> list[Any]:
    """The records that a file of these samples holds: those of layout `tree` grown together, the others one by one."""
    rows = list(samples)
    grown = grow([replace(sample, layout="folded") for sample in rows if sample.layout == "tree"])
    return [*grown, *(sample for sample in rows if sample.layout != "tree")]
