"""Whether what training left fits the base that it names: asked of the files' headers, before anything is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from pipesql.errors import BadInput

WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."


def is_whole_model(folder: Path) -> bool:
    """Whether a folder of a train run holds a whole model, as its `base.json` says, and no adapter."""
    try:
        return bool(json.loads((folder / "base.json").read_text(encoding="utf-8")).get("method") == "full")
    except (OSError, ValueError) as e:
        raise BadInput(f"{folder} is no adapter of pipesql: base.json cannot be read ({e})") from e


def require_fit(folder: Path, base: Any) -> None:
    """Raise BadInput, naming the layer and both shapes, where a LoRA pair does not fit the base's layer of its name.

    Of a layer that maps `in` to `out` features, the pair is (r x in) and (out x r).
    """
    layers = {name: tuple(p.shape) for name, p in base.named_parameters()}
    try:
        with safe_open(folder / WEIGHTS, "pt") as weights:
            shapes = {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118  it is no dict
    except (OSError, SafetensorError) as e:
        raise BadInput(f"the adapter in {folder} cannot be put on its base: {e}; train it again") from e
    for name in sorted(shapes):
        layer, _, part = name.removeprefix(_PREFIX).partition(".lora_")
        if part.startswith("A"):
            _compare(folder, layer, shapes, name, layers.get(f"{layer}.weight"))


def _compare(
    folder: Path, layer: str, shapes: Mapping[str, tuple[int, ...]], down: str, weight: tuple[int, ...] | None
) -> None:
    up = down.replace(".lora_A.", ".lora_B.")
    pair = (shapes.get(up, (0,))[0], shapes[down][-1])
    if weight is None:
        raise BadInput(
            f"the adapter in {folder} has weights for {layer}, which the base has not: it is another model's"
        )
    if pair != weight:
        raise BadInput(
            f"the adapter in {folder} does not fit its base: for {layer} it is made for {pair[0]} x {pair[1]}, "
            f"the base has {weight[0]} x {weight[1]}; it was trained on another model"
        )
