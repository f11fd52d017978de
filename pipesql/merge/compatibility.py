"""Is an adapter compatible with the base that it names? Answered from the files' headers, before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from pipesql.errors import BadInput, InvalidFile

WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."


def require_compatible(folder: Path, base: Any) -> None:
    """Raise BadInput, naming the layer and both shapes, where a LoRA pair does not match the base's layer of its name.

    Of a layer that maps `in` to `out` features, the pair is (r x in) and (out x r).
    """
    layers = {name: tuple(p.shape) for name, p in base.named_parameters()}
    try:
        with safe_open(folder / WEIGHTS, "pt") as weights:
            shapes = {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118  not a dict
    except (OSError, SafetensorError) as e:
        raise InvalidFile(f"the weights of the adapter in {folder} cannot be read: {e}; train it again") from e
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
            f"the adapter in {folder} has weights for layer {layer}, which the base model does not have; "
            "it was trained on a different base"
        )
    if pair != weight:
        raise BadInput(
            f"the adapter in {folder} does not match its base: for layer {layer} it has {pair[0]} x {pair[1]} weights, "
            f"the base has {weight[0]} x {weight[1]}; it was trained on a different base"
        )
