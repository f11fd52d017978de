"""The samples of a data folder: shown as a page, checked against their golden pairs, counted in each layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipesql.chat.trees import read_samples
from pipesql.errors import BadInput
from pipesql.finetune.data.packs import make_packs
from pipesql.finetune.data.tokenise import IGNORED, Row, shared_prompt_length, tokenise
from pipesql.records import GoldenPair, Sample
from pipesql.samples import Options, build
from pipesql.samples.check import check_samples, pairs_of, report
from pipesql.samples.lengths import ruler
from pipesql.samples.preview import page
from pipesql.storage import atomic_write, read_jsonl


def preview(folder: Path, out: Path, limit: int, tokenizer: str, max_length: int) -> str:
    """Write the page of a folder's samples to `out`; returns a sentence. Raises BadInput, ModelUnavailable."""
    if limit < 1:
        raise BadInput(f"limit is {limit}; give how many samples of each split and layout to show")
    samples, measure = _samples(folder), ruler(tokenizer)
    lengths = {split: measure.measure(rows) for split, rows in samples.items()}
    with atomic_write(out) as file:
        file.write(page(samples, lengths, measure, max_length, limit, f"Samples of {folder.resolve().name}"))
    return f"{out}: {', '.join(f'{len(rows)} samples of {split}' for split, rows in samples.items())}"


def check(folder: Path) -> tuple[str, bool]:
    """Hold the samples of a folder against its pairs: a report, and whether nothing is wrong. Raises BadInput."""
    pairs = pairs_of(folder)
    checked = [(split, check_samples(rows, pairs)) for split, rows in _samples(folder).items()]
    return report(checked), not any(one.faults for _, one in checked)


def _samples(folder: Path) -> dict[str, list[Sample]]:
    """The samples of a data folder by split, train first."""
    files = {path.name.split(".")[1]: path for path in sorted(folder.glob("samples.*.jsonl"))}
    if not files:
        raise BadInput(f"{folder} holds no samples.SPLIT.jsonl; give a folder that the data step has written")
    order = sorted(files, key=("train", "validation", "dev").index)
    return {split: list(read_samples(files[split])) for split in order}


@dataclass(frozen=True)
class Costs:
    """Tokens of the same queries in each layout. `trees`: schema once a database; `packs`: as training lays trees
    into packs of `max_length`, where a schema comes again in every pack."""

    queries: int
    targets: int
    steps: int
    folded: int
    trees: int
    packs: int
    left_out: int
    """Queries whose folded sample is longer than `max_length`; counted in no layout."""


def costs(folder: Path, tokenizer: str, max_length: int) -> tuple[Costs, str]:
    """Tokens of a folder's pairs in every layout, and the tokenizer's name. Raises BadInput, ModelUnavailable."""
    pairs = list(read_jsonl(folder / "golden.jsonl", GoldenPair))
    measure = ruler(tokenizer)
    if measure.tokenizer is None:
        raise BadInput(f"layouts are compared in tokens, and {measure.note}")
    bare = {layout: build(pairs, Options(layout, execute_prefixes=False)).samples for layout in ("folded", "steps")}
    folded, counted = tokenise(bare["folded"], measure.tokenizer, max_length)
    gone = set(counted.too_long_ids)
    steps = [s for s in bare["steps"] if s.id.rpartition("#")[0] not in gone]
    by_database: dict[tuple[str, str], list[Row]] = {}
    split_of = {pair.id: pair.split for pair in pairs}
    for row in folded:
        by_database.setdefault((row.db_id, split_of[row.id]), []).append(row)
    return Costs(
        queries=len(folded),
        targets=sum(label != IGNORED for row in folded for label in row.labels),
        steps=sum(length.whole for length in measure.measure(steps)),
        folded=sum(len(row.input_ids) for row in folded),
        trees=sum(map(_grown, by_database.values())),
        packs=sum(map(len, make_packs(folded, max_length, 0))),
        left_out=len(gone),
    ), measure.name


def _grown(rows: list[Row]) -> int:
    """Tokens of one tree: what all prompts begin with once, then what each row has of its own."""
    shared = min(shared_prompt_length(rows), min(row.prompt_length for row in rows) - 1)
    return shared + sum(len(row.input_ids) - shared for row in rows)
