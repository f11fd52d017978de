"""The same golden pairs for every layout: drawn from a data folder, or built from a benchmark's own files."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipesql import benchmarks, golden
from pipesql.errors import BadInput
from pipesql.finetune.data.tokenise import Row, tokenise
from pipesql.records import GoldenPair
from pipesql.samples.build import build
from pipesql.samples.layouts import Options
from pipesql.storage import read_jsonl

SPARE = 1.3
"""So many times as many questions are asked for as are wanted: some are longer than a pack, some have no pair."""


def add_arguments(parser: argparse.ArgumentParser, queries: int) -> None:
    """The arguments that say which pairs are taken, as `drawn` wants them."""
    parser.add_argument("--data", default="", help="a folder of the data step; its golden pairs of train are taken")
    parser.add_argument("--benchmark", default="demo", help="without --data: demo, spider or bird, built here")
    parser.add_argument("--benchmark_dir", default="", help="the benchmark's folder, as the data step takes it")
    parser.add_argument("--queries", type=int, default=queries, help="so many train pairs (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="draws the pairs and their order")


def drawn(arguments: argparse.Namespace, tokenizer: Any, longest: int) -> list[GoldenPair]:
    """`--queries` pairs of train, none longer than `longest` tokens (folded), in an order drawn by `--seed`.

    Raises BadInput where there is none.
    """
    if arguments.data:
        pairs = list(read_jsonl(Path(arguments.data) / "golden.jsonl", GoldenPair))
    else:
        questions = benchmarks.load(
            arguments.benchmark,
            arguments.benchmark_dir,
            arguments.seed,
            limit=round(arguments.queries * SPARE),
            report=print,
        )
        pairs = golden.build([question for question in questions if question.split == "train"], arguments.seed).pairs
    pairs = [pair for pair in pairs if pair.split == "train"]
    random.Random(arguments.seed).shuffle(pairs)
    pairs = pairs[: round(arguments.queries * SPARE)]
    fitting = {row.id for row in rows(pairs, "folded", tokenizer, longest)}
    pairs = [pair for pair in pairs if pair.id in fitting][: arguments.queries]
    if not pairs:
        raise BadInput(f"{arguments.data or arguments.benchmark} holds no train pair of at most {longest} tokens")
    return pairs


def rows(pairs: Sequence[GoldenPair], layout: str, tokenizer: Any, longest: int = 10**9) -> list[Row]:
    """The pairs in a layout, as tokens, in their order; longer ones are left out."""
    samples = build(pairs, Options(layout, execute_prefixes=False)).samples
    return tokenise(samples, tokenizer, longest)[0]
