"""What the 4 bits of QLoRA's base had changed: the logits of an adapter on the base that it was trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from pipesql.finetune.parity import logits
from pipesql.models import ModelSource
from pipesql.models.load import load_model
from pipesql.models.quantise import Quantization


def quantised_logits(
    adapter: Path, source: ModelSource, sequences: Sequence[Sequence[int]]
) -> list[torch.Tensor] | None:
    """Logits (tokens × vocabulary, one tensor a sequence) of the adapter on its base in 4 bits, as `base.json` records
    them; None for an adapter of a whole base. Computed on the CPU in float32."""
    record: dict[str, Any] = json.loads((adapter / "base.json").read_text(encoding="utf-8"))
    if record.get("method") != "qlora":
        return None
    settings = record["settings"]
    form = Quantization(settings["bnb_4bit_quant_type"], settings["bnb_4bit_use_double_quant"], torch.float32)
    base = load_model(source, device="cpu", quantization=form)
    return logits(PeftModel.from_pretrained(base, str(adapter), local_files_only=True).eval(), sequences)
