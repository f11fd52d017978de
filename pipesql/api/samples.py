"""The samples of a data folder: shown as a page, checked against their golden pairs, counted in each layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipesql.chat.trees import read_samples
from pipesql.errors import InvalidFile, InvalidOption
from pipesql.finetune.data.packs import make_packs
from pipesql.finetune.data.tokenise import IGNORED, Row, shared_prompt_length, tokenise
from pipesql.records import GoldenPair, Sample
from pipesql.samples.build import build
from pipesql.samples.check import check_samples, report
from pipesql.samples.examine import pairs_of
from pipesql.samples.layouts import Options
from pipesql.samples.lengths import ruler
from pipesql.samples.preview import page
from pipesql.storage import atomic_write, read_jsonl


def preview(folder: Path, out: Path, limit: int, tokenizer: str, max_length: int) -> str:
    """Write the page of a folder's samples to `out`, and return a sentence about it.

    Up to `limit` samples of each split and layout are shown; `max_length` is in tokens of `tokenizer`, a model's name
    or folder. Raises BadInput, and ModelUnavailable for the tokenizer.
    """
    if limit < 1:
        raise InvalidOption(f"limit is {limit}: give a number of samples above 0")
    samples, measure = _samples(folder), ruler(tokenizer)
    lengths = {split: measure.measure(rows) for split, rows in samples.items()}
    with atomic_write(out) as file:
        file.write(page(samples, lengths, measure, max_length, limit, f"Samples of {folder.resolve().name}"))
    return f"{out}: {', '.join(f'{len(rows)} samples of {split}' for split, rows in samples.items())}"


def check(folder: Path) -> tuple[str, bool]:
    """Check the samples of a folder against its golden pairs: a report, and whether all are sound. Raises BadInput."""
    pairs = pairs_of(folder)
    checked = [(split, check_samples(rows, pairs)) for split, rows in _samples(folder).items()]
    return report(checked), not any(one.faults for _, one in checked)


def _samples(folder: Path) -> dict[str, list[Sample]]:
    """The samples of a data folder by split, train first."""
    files = {path.name.split(".")[1]: path for path in sorted(folder.glob("samples.*.jsonl"))}
    if not files:
        raise InvalidFile(
            f"{folder} does not hold samples (samples.SPLIT.jsonl): give a folder that the data step wrote"
        )
    order = sorted(files, key=("train", "validation", "dev").index)
    return {split: list(read_samples(files[split])) for split in order}


@dataclass(frozen=True)
class Costs:
    """Tokens that the same queries take in each layout.

    `trees` counts a schema once per database, `packs` once per pack of up to `max_length` tokens, as training packs
    trees. `targets` are the tokens that the loss counts, in the folded layout.
    """

    queries: int
    targets: int
    steps: int
    folded: int
    trees: int
    packs: int
    left_out: int
    """Queries whose folded sample is longer than `max_length`; they count in none of the layouts."""


def costs(folder: Path, tokenizer: str, max_length: int) -> tuple[Costs, str]:
    """Tokens of a folder's pairs in every layout, and the name of the tokenizer. Raises BadInput, ModelUnavailable."""
    pairs = list(read_jsonl(folder / "golden.jsonl", GoldenPair))
    measure = ruler(tokenizer)
    if measure.tokenizer is None:
        raise InvalidOption(f"layouts are compared in tokens, and {measure.note}")
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
    """Tokens of one tree: the shared beginning of all prompts once, then the rest of each row."""
    shared = min(shared_prompt_length(rows), min(row.prompt_length for row in rows) - 1)
    return shared + sum(len(row.input_ids) - shared for row in rows)
