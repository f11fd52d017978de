"""`python -m experiments.ablation_data`: data folders that differ in one thing, for trainings that are to be compared.

  whole      the normal form, keys and matching values in the prompt, a sample a query
  own-names  the gold's own aliases and spelling instead of the normal form's
  no-keys    a schema that does not say what is a key
  no-values  no values of the database in the prompt
  steps      one operator a prompt, the query so far in it

All hold the same queries in the same order, as many as make `--tokens` in the folder `whole` (its prompts and answers
as sequences of their own); `steps` as many of them as make the same number in its own layout. Each folder has the
validation queries of the data folder that it is made of, written as its train queries are, so that the evaluation loss
is over what the training teaches (`own-names` leaves out what cannot keep its names: on Spider none); and no dev:
nothing is to be chosen on that.

    python -m experiments.ablation_data --data output/data/FOLDER --out output/ablation --tokens 600000
    mlflow run . -e train -P data=output/ablation/no-keys …
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipesql.chat.trees import lines
from pipesql.decompile import decompile
from pipesql.errors import PipesqlError
from pipesql.evaluate.questions import split_questions
from pipesql.execution.database import Database
from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.resolving.resolve import resolve
from pipesql.records import GoldenPair
from pipesql.samples.build import build
from pipesql.samples.layouts import Options
from pipesql.samples.lengths import ruler
from pipesql.storage import read_jsonl, write_json, write_jsonl

VALUES = 3
VARIANTS = {
    "whole": Options("tree", values=VALUES, execute_prefixes=False),
    "own-names": Options("tree", values=VALUES, execute_prefixes=False),
    "no-keys": Options("tree", values=VALUES, keys=False, execute_prefixes=False),
    "no-values": Options("tree", values=0, execute_prefixes=False),
    "steps": Options("steps", values=VALUES, execute_prefixes=False),
}


def own_names(pair: GoldenPair) -> GoldenPair | None:
    """The pair with the gold's own names; None where those cannot be kept."""
    schema = Database(pair.database).schema
    try:
        query = decompile(pair.gold_sql, schema, keep_names=True)
        resolve(query, schema)
    except PipesqlError:
        return None
    return replace(pair, operators=tuple(print_operators(query)))


def within(pairs: Sequence[GoldenPair], options: Options, tokens: int) -> list[GoldenPair]:
    """The first pairs whose samples make so many tokens."""
    measure, made = ruler(options.tokenizer), build(pairs, options, workers=1).samples
    used: dict[str, int] = {}
    for sample in made:
        name = sample.id.rpartition("#")[0] if options.layout == "steps" else sample.id
        used[name] = used.get(name, 0) + measure.measure([sample])[0].whole
    kept, total = [], 0
    for pair in pairs:
        total += used[pair.id]
        if total > tokens:
            break
        kept.append(pair)
    return kept


def main() -> None:
    """Write the folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a data folder with a validation split")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=600_000)
    arguments = parser.parse_args()
    measured = split_questions(arguments.data, "validation")
    held_back = {pair.db_id for pair in measured}
    every = [pair for pair in read_jsonl(arguments.data / "golden.jsonl", GoldenPair) if pair.split == "train"]
    learnt = [pair for pair in every if pair.db_id not in held_back]
    random.Random(0).shuffle(learnt)
    renamed = {pair.id: other for pair in learnt if (other := own_names(pair))}
    learnt = [pair for pair in learnt if pair.id in renamed]
    learnt = within(learnt[:6_000], VARIANTS["whole"], arguments.tokens)
    renamed |= {pair.id: other for pair in measured if (other := own_names(pair))}
    for name, options in VARIANTS.items():
        folder = arguments.out / name
        pairs, held = learnt, measured
        if name == "own-names":
            pairs, held = ([renamed[pair.id] for pair in part if pair.id in renamed] for part in (learnt, measured))
        if options.layout == "steps":
            pairs = within(pairs, options, arguments.tokens)
        write_jsonl(folder / "golden.jsonl", [*pairs, *measured])
        for split, part in (("train", pairs), ("validation", held)):
            made = build([replace(pair, split=split) for pair in part], options, workers=1).samples
            write_jsonl(folder / f"samples.{split}.jsonl", lines(made))
        write_jsonl(folder / "samples.dev.jsonl", [])
        write_json(folder / "manifest.json", {"config": {"values": options.values, "keys": options.keys}})
        print(f"{name:12}{len(pairs):>7,} queries")


if __name__ == "__main__":
    main()
