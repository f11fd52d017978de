"""`python -m experiments.gold_likelihood`: how likely registered versions find the gold queries of held-out databases.

Execution accuracy says little of models that have learnt little: most of their answers are wrong alike. How many nats
a gold query costs, its prompt given, tells them apart with fewer questions. Of each version, asked with the prompts of
its own data folder: the mean cost of a whole query (its operators and the markers between them), the difference to the
first version's, and how many queries greedy decoding would say to the letter. Intervals of 95% by bootstrap over
queries; those of differences are paired.

Of several trainings on one folder (`1,6=FOLDER`) a query costs the mean, and what each comes to is printed: intervals
are over queries alone, and say nothing of how far another seed would move a figure.

A query costs what the tokens of its text cost. Where two folders write the same query otherwise, as `own-names` and
`whole` do, each version pays for the text that it was taught.

    python -m experiments.gold_likelihood 1=output/ablation/whole 2=output/ablation/own-names
    python -m experiments.gold_likelihood 1,6=output/ablation/whole 2,7=output/ablation/own-names
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from tqdm import tqdm

from pipesql.chat.trees import read_samples
from pipesql.evaluate.statistics import by_cluster, by_question
from pipesql.finetune.attention.choose import choose_attention
from pipesql.finetune.data.packs import Pack, deal_trees
from pipesql.finetune.data.tokenise import IGNORED, Row, tokenise
from pipesql.records import query_of
from pipesql.storage import write_json
from pipesql.tracking.registry import get_version, load_components

CAPACITY = 1_280
"""Tokens in a forward pass, but for a query that is longer by itself."""
LONGEST = 8_192
"""Tokens of a sample: none of Spider is longer."""

Costs = Mapping[str, tuple[float, bool]]
"""Query → (nats, whether each of its tokens is the likeliest)."""


def trees(rows: Sequence[Row]) -> Iterator[tuple[Pack, list[Row]]]:
    """Every row behind one copy of what its neighbours share, at most `CAPACITY` tokens at a time."""
    for shared, members in deal_trees(rows, CAPACITY, random.Random(0)):
        pack = Pack()
        pack.add_tree(members, shared)
        yield pack, members


def costs(model: Any, tokenizer: Any, folder: Path, count: int = 0) -> tuple[Costs, dict[str, str]]:
    """What the validation queries of a folder cost, and the database of each: of so many drawn ones, 0 for all."""
    samples = list(read_samples(folder / "samples.validation.jsonl"))
    queries = sorted({query_of(sample.id, sample.layout) for sample in samples})
    drawn = set(random.Random(0).sample(queries, count) if 0 < count < len(queries) else queries)
    rows, _ = tokenise((one for one in samples if query_of(one.id, one.layout) in drawn), tokenizer, LONGEST)
    attention = choose_attention("cpu", "shared")
    attention.use_in(model)
    model.eval()
    nats: dict[str, float] = defaultdict(float)
    likeliest: dict[str, bool] = defaultdict(lambda: True)
    for pack, members in tqdm(list(trees(rows)), desc=folder.name, unit="pack"):
        batch = attention.collate([asdict(pack)])
        labels = batch.pop("labels")[0]
        with torch.inference_mode():
            logits = model(**batch, use_cache=False).logits[0].float()
        for number, row in enumerate(members, 1):  # segment 0 is the shared prefix
            own = [
                place for place, segment in enumerate(pack.segment) if segment == number and labels[place] != IGNORED
            ]
            says = torch.log_softmax(logits[[place - 1 for place in own]], dim=-1)
            wanted = labels[own]
            query = query_of(row.id, row.layout)
            nats[query] -= says.gather(1, wanted[:, None]).sum().item()
            likeliest[query] &= bool((says.argmax(dim=-1) == wanted).all())
    databases = {query_of(row.id, row.layout): row.db_id for row in rows}
    return {query: (nats[query], likeliest[query]) for query in nats}, databases


def table(trainings: Mapping[str, Sequence[Costs]], databases: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row of figures for each name, means over its trainings, over the queries that all trainings were asked."""
    shared = sorted(set.intersection(*(set(one) for of in trainings.values() for one in of)))
    clusters, first = [databases[query] for query in shared], next(iter(trainings.values()))
    rows = []
    for name, of in trainings.items():
        worths = [[_nats(of, q), _nats(of, q) - _nats(first, q), fmean(one[q][1] for one in of)] for q in shared]
        names, intervals = ("nats", "difference", "to_the_letter"), by_question(worths)
        figures: dict[str, Any] = {"version": name, "queries": len(shared)}
        for column, (what, interval, wide) in enumerate(
            zip(names, intervals, by_cluster(worths, clusters), strict=True)
        ):
            mean = sum(row[column] for row in worths) / len(worths)
            figures[what] = {"mean": mean, "by_queries": interval, "by_databases": wide}
        figures["nats_of_each"] = [fmean(one[query][0] for query in shared) for one in of]
        rows.append(figures)
    return rows


def _nats(trainings: Sequence[Costs], query: str) -> float:
    return fmean(one[query][0] for one in trainings)


def _said(figure: Mapping[str, Any], sign: str = "") -> str:
    low, high = figure["by_queries"]
    return f"{figure['mean']:{sign}.2f} [{low:{sign}.2f}, {high:{sign}.2f}]"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "of", nargs="+", metavar="VERSION[,VERSION…]=FOLDER", help="versions, and the folder they learnt from"
    )
    parser.add_argument("--queries", type=int, default=0, help="so many of the queries, drawn; 0: all (default)")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    arguments = parser.parse_args()
    trainings: dict[str, list[Costs]] = {}
    databases: dict[str, str] = {}
    for numbers, _, folder in (wanted.partition("=") for wanted in arguments.of):
        for number in numbers.split(","):
            model, tokenizer = load_components(get_version(number))
            found, of_databases = costs(model, tokenizer, Path(folder), arguments.queries)
            trainings.setdefault(f"{numbers} ({Path(folder).name})", []).append(found)
            databases |= of_databases
    rows = table(trainings, databases)
    heads = f"{'nats a query':>24}{'to the first':>26}{'to the letter':>16}  each"
    print(f"{rows[0]['queries']} queries\n{'version':20}{heads}")
    for row in rows:
        letter = f"{row['to_the_letter']['mean']:.1%}"
        each = ", ".join(f"{nats:.2f}" for nats in row["nats_of_each"])
        print(f"{row['version']:20}{_said(row['nats']):>24}{_said(row['difference'], '+'):>26}{letter:>16}  {each}")
    if arguments.out:
        write_json(arguments.out, rows)


if __name__ == "__main__":
    main()
