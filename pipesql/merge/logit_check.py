"""The logit check: the largest difference of two models' logits on prompts like those that they get in use.

`merge` requires it to be tiny between the merged model and base + adapter. `quantised_logits` compares with the 4-bit
base of QLoRA, to show what the 4 bits had changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from pipesql.chat.prompts import messages
from pipesql.chat.template import markers, operator_ids, prompt_ids
from pipesql.models import ModelSource
from pipesql.models.folder import BaseRecord
from pipesql.models.load import load_model
from pipesql.models.precision import Quantization
from pipesql.pipe.schema import Column, ForeignKey, Schema, Table

EXAMPLE_SCHEMA = Schema(
    (
        Table(
            "singer",
            (
                Column("singer_id", "INTEGER", primary_key=True),
                Column("name", "TEXT"),
                Column("country", "TEXT"),
                Column("age", "INTEGER"),
            ),
        ),
        Table(
            "concert",
            (
                Column("concert_id", "INTEGER", primary_key=True),
                Column("singer_id", "INTEGER"),
                Column("year", "INTEGER"),
                Column("tickets sold", "INTEGER"),
            ),
            (ForeignKey("singer_id", "singer", "singer_id"),),
        ),
    ),
    name="music",
)

EXAMPLES = (
    ("Which singers are older than 40?", ("FROM singer", "|> WHERE age > 40", "|> SELECT name")),
    (
        "How many concerts were there per year?",
        ("FROM concert", "|> AGGREGATE COUNT(*) AS count GROUP BY year"),
    ),
    (
        "Name the singers who gave a concert in 2020, by name.",
        (
            "FROM singer",
            "|> JOIN concert ON singer.singer_id = concert.singer_id",
            "|> WHERE concert.year = 2020",
            "|> SELECT singer.name",
            "|> ORDER BY name",
        ),
    ),
)
"""Questions on the example schema, each with its answer, so that prompt, operators and markers are all compared."""


def example_messages() -> list[dict[str, str]]:
    """The chat messages of the first example; a saved model shows them as its input."""
    return messages(EXAMPLE_SCHEMA, EXAMPLES[0][0])


def example_sequences(tokenizer: Any) -> list[list[int]]:
    """Complete training sequences, one per example: prompt, operators, markers."""
    marks, sequences = markers(tokenizer), []
    for question, operators in EXAMPLES:
        ids = prompt_ids(tokenizer, messages(EXAMPLE_SCHEMA, question))
        for position, text in enumerate(operators):
            ids += operator_ids(tokenizer, text, first=position == 0)
            ids.append(marks.end if position == len(operators) - 1 else marks.step)
        sequences.append(ids)
    return sequences


def logits(model: Any, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    """Logits of every position (tokens × vocabulary, float32 on the CPU), one tensor per sequence of token ids."""
    with torch.inference_mode():
        return [
            model(input_ids=torch.tensor([list(ids)], device=model.device)).logits[0].float().cpu() for ids in sequences
        ]


def largest_difference(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> float:
    """The largest absolute difference between logits at the same position; NaN where one of them is NaN."""
    # torch's maximum keeps a NaN, Python's may lose it.
    return float(torch.stack([(a - b).abs().max() for a, b in zip(one, other, strict=True)]).max())


def quantised_logits(
    adapter: Path, record: BaseRecord, source: ModelSource, sequences: Sequence[Sequence[int]]
) -> list[torch.Tensor] | None:
    """Logits (tokens × vocabulary, one tensor a sequence) of a QLoRA adapter on the 4-bit base that its `record` names.

    Computed on the CPU in float32. None for an adapter or a model that was trained otherwise.
    """
    if record.method != "qlora":
        return None
    settings = record.settings
    form = Quantization(settings["bnb_4bit_quant_type"], settings["bnb_4bit_use_double_quant"], torch.float32)
    base = load_model(source, device="cpu", quantization=form)
    return logits(PeftModel.from_pretrained(base, str(adapter), local_files_only=True).eval(), sequences)
