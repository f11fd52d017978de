"""`python -m experiments.decoding`: what one growing KV cache saves against reading the prompt again at each operator.

  again     the prompt and the operators so far are read anew for each operator, one question at a time
  cached    one growing KV cache: a question reads nothing twice, one question at a time
  shared    the same, and questions on one database read the schema of their prompts once
  batched   the same for several questions together

All decode greedily in float32 on this machine and must give the same answers. Tokens are what the model computes,
padding included.

    python -m experiments.decoding --model FOLDER --data output/data/FOLDER --questions 40
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipesql.assistant_tools.grounding import matching_values
from pipesql.chat.prompts import messages
from pipesql.chat.template import markers, operator_ids, prompt_ids
from pipesql.decoding.decode import decode
from pipesql.decoding.stepwise import decode_stepwise
from pipesql.decoding.types import Decoded
from pipesql.evaluate.questions import prompt_shape, split_questions
from pipesql.execution.database import Database
from pipesql.models import resolve_model
from pipesql.models.load import load_model, load_tokenizer
from pipesql.pipe.read import error_in
from pipesql.storage import write_json

VARIANTS = ("again", "cached", "shared", "batched")


@dataclass
class Measured:
    """One variant of decoding: its answers, seconds, and computed tokens."""

    label: str
    answers: list[Decoded]
    seconds: float
    tokens: int

    def line(self, first: Measured) -> str:
        """A row of the table."""
        count = len(self.answers)
        return (
            f"{self.label:10}{self.tokens / count:>16,.1f}{first.tokens / self.tokens:>10.1f}×"
            f"{60 * count / self.seconds:>16.1f}{first.seconds / self.seconds:>10.1f}×"
        )


def measure(label: str, model: Any, run: Callable[[], list[Decoded]]) -> Measured:
    """Run it and count what the model reads."""
    read = [0]

    def count(module: Any, args: Any, given: dict[str, Any]) -> None:
        read[0] += given["input_ids"].numel()

    hook = model.register_forward_pre_hook(count, with_kwargs=True)
    began = time.perf_counter()
    answers = run()
    seconds = time.perf_counter() - began
    hook.remove()
    return Measured(label, answers, seconds, read[0])


def main() -> int:
    """Measure and print; exit status 1 where the answers differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a fine-tuned model: folder or hub id")
    parser.add_argument("--data", required=True, type=Path, help="a data folder")
    parser.add_argument("--questions", type=int, default=40, help="drawn by seed 0 (default %(default)s)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS, help="two or more (default all)")
    parser.add_argument("--out", type=Path, help="write the figures as JSON, too")
    arguments = parser.parse_args()
    if len({*arguments.variants}) < 2:
        parser.error("--variants needs at least two: the answers of one cannot differ")
    source = resolve_model(arguments.model)
    model, tokenizer = load_model(source, "cpu", torch.float32), load_tokenizer(source)
    questions = split_questions(arguments.data, limit=arguments.questions)
    values = prompt_shape(arguments.data).values
    random.Random(0).shuffle(questions)
    schemas = {q.database: Database(q.database).schema for q in questions}
    step = markers(tokenizer).step
    prompts = []
    for q in questions:
        found = matching_values(Database(q.database), q.question, values)
        prompts.append(prompt_ids(tokenizer, messages(schemas[q.database], q.question, q.evidence, (), found)))

    def check(index: int, operators: Sequence[str]) -> str | None:
        return error_in(operators, schemas[questions[index].database])

    def read_again(index: int, operators: Sequence[str]) -> list[int]:
        ids = list(prompts[index])
        for number, operator in enumerate(operators):
            ids += [*operator_ids(tokenizer, operator, first=number == 0), step]
        return ids

    def alone(index: int, one: Callable[..., list[Decoded]], *given: Any) -> Decoded:
        """The answer to one question, which shares nothing with others."""
        (answer,) = one(model, tokenizer, *given, lambda _, operators: check(index, operators), batch=1)
        return answer

    def again() -> list[Decoded]:
        return [
            alone(i, decode_stepwise, 1, lambda _, operators, i=i: read_again(i, operators))
            for i in range(len(questions))
        ]

    def cached() -> list[Decoded]:
        return [alone(i, decode, [prompt]) for i, prompt in enumerate(prompts)]

    runs = {
        "again": again,
        "cached": cached,
        "shared": lambda: decode(model, tokenizer, prompts, check, batch=1),
        "batched": lambda: decode(model, tokenizer, prompts, check, batch=arguments.batch),
    }
    measured = [measure(name, model, runs[name]) for name in VARIANTS if name in arguments.variants]
    said = [[(a.operators, a.stop) for a in variant.answers] for variant in measured]
    different = sum(len({*answers}) > 1 for answers in zip(*said, strict=True))
    threads = torch.get_num_threads()
    print(f"{len(questions)} questions, {source.description}, {threads} threads, batches of {arguments.batch}")
    print(f"{'':10}{'tokens a question':>16}{'fewer':>10}{'answers/minute':>17}{'faster':>11}")
    print("\n".join(variant.line(measured[0]) for variant in measured))
    print(f"different answers: {different}")
    if arguments.out:
        figures = [
            {"variant": v.label, "seconds": v.seconds, "tokens": v.tokens, "answers": len(v.answers)} for v in measured
        ]
        write_json(arguments.out, {"variants": figures, "different": different})
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())
