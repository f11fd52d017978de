"""Samples compared with what they were made from: every prompt and target, and every tool result, executed again.

The text on disk is compared: the schema line by line, the question, the query so far, and for each tool call the result
of a fresh execution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipesql.assistant_tools.toolbox import Toolbox
from pipesql.chat.prompts import messages, schema_text
from pipesql.execution.database import Database
from pipesql.records import GoldenPair, Sample, original, query_of
from pipesql.samples.layouts import PREFIX_LIMITS, broken_prefix
from pipesql.samples.renaming import renaming_faults


@dataclass(frozen=True)
class Checked:
    """The numbers of what was checked, and a sentence for each fault."""

    samples: int
    queries: int
    prefixes: int
    """Prefixes executed."""
    results: int
    """Results of tools compared with fresh executions."""
    faults: tuple[str, ...]


def check_samples(samples: Sequence[Sample], pairs: Mapping[str, GoldenPair]) -> Checked:
    """Compare samples with the pairs (by id) that they were made from. Raises BadInput for a missing database."""
    results = 0
    faults: list[str] = []
    by_pair: dict[str, list[Sample]] = {}
    renamed: dict[str, list[Sample]] = {}
    for sample in samples:
        if (name := query_of(sample.id, sample.layout)) not in pairs and original(name) in pairs:
            renamed.setdefault(sample.db_id, []).append(sample)
        else:
            by_pair.setdefault(name, []).append(sample)
    for of_one in renamed.values():
        made_of = {sample.id: pairs[original(query_of(sample.id, sample.layout))] for sample in of_one}
        schema = Database(made_of[of_one[0].id].database).schema
        faults += renaming_faults(of_one, made_of, schema)
    by_database: dict[str, list[str]] = {}
    for name in by_pair:
        if name in pairs:
            by_database.setdefault(pairs[name].database, []).append(name)
        else:
            faults.append(f"{name}: no golden pair has this id")
    for path, names in by_database.items():
        database = Database(path)
        with database.open(PREFIX_LIMITS) as connection, Toolbox(database) as box:
            for name in names:
                broken = broken_prefix(pairs[name], box.schema, connection)
                faults += [broken] if broken else []
                faults += _text_faults(by_pair[name], pairs[name])
                for sample in by_pair[name]:
                    found = list(_results(sample, box))
                    results += len(found)
                    faults += [fault for fault in found if fault]
    known = [name for names in by_database.values() for name in names]
    return Checked(
        samples=len(samples),
        queries=len(known),
        prefixes=sum(len(pairs[name].operators) for name in known),
        results=results,
        faults=tuple(faults),
    )


def _text_faults(samples: Sequence[Sample], pair: GoldenPair) -> Iterator[str]:
    """A sentence for each sample whose targets, in order, are not the query, or whose prompt is not the pair's."""
    schema = Database(pair.database).schema
    so_far: tuple[str, ...] = ()
    for sample in samples:
        prompt = str(sample.prompt[1]["content"])
        if sample.layout == "tools":
            if sample.targets != pair.operators:
                yield f"{sample.id}: its targets are not the pair's operators"
            if not prompt.endswith(f"Question: {pair.question.strip()}"):
                yield f"{sample.id}: its prompt does not end with the pair's question"
            continue
        expected = messages(schema, pair.question, pair.evidence, so_far)[1]["content"]
        if _without_values(prompt) != expected or not prompt.startswith(schema_text(schema)):
            yield f"{sample.id}: its prompt is not the pair's schema, question and query so far"
        so_far += sample.targets
        if sample.final != (len(so_far) == len(pair.operators)):
            yield f"{sample.id}: its targets end too early or too late"
    if so_far and so_far != pair.operators:
        yield f"{pair.id}: its targets are not the pair's operators"


def _without_values(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.startswith("Values: "))


def _results(sample: Sample, box: Toolbox) -> Iterator[str]:
    """For each tool result an empty text, or what is wrong with it."""
    calls = {c["id"]: c["function"] for message in sample.prompt for c in message.get("tool_calls") or ()}
    for message in sample.prompt:
        if message["role"] == "tool":
            made = calls[message["tool_call_id"]]
            same = box.call(made["name"], made["arguments"]) == message["content"]
            yield "" if same else f"{sample.id}: the result of {made['name']} is not what it returns now"


def report(checked: Iterable[tuple[str, Checked]]) -> str:
    """A line for each split, with its first faults."""
    lines = []
    for split, one in checked:
        lines.append(
            f"{split}: {one.samples} samples of {one.queries} queries, {one.prefixes} prefixes executed, "
            f"{one.results} tool results executed again, {len(one.faults)} faults"
        )
        lines += [f"  {fault}" for fault in one.faults[:10]]
    return "\n".join(lines)
