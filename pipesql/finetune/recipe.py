"""A training recipe: one YAML file in `recipes/`, read into a typed value; nothing unknown is let through.

Field names are those of PEFT's LoraConfig and of TRL's and transformers' training arguments, so that their
documentation holds here; the few of our own say so.
"""

from __future__ import annotations

import dataclasses
import difflib
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from pipesql.errors import BadInput

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


@dataclass(frozen=True)
class Recipe:
    """How a model is fine-tuned. `name` and `description` are for reports."""

    name: str
    description: str

    learning_rate: float
    num_train_epochs: float = 1.0
    max_steps: int = -1
    """Stop after that many optimizer steps; -1 leaves it to `num_train_epochs`."""
    per_device_train_batch_size: int = 1
    gradient_accumulation_steps: int = 1
    per_device_eval_batch_size: int = 1
    lr_scheduler_type: str = "cosine"
    warmup_steps: float = 0.05
    """Below 1 a share of all steps, else a number of steps."""
    weight_decay: float = 0.0
    adam_beta2: float = 0.999
    max_grad_norm: float = 1.0
    activation_checkpointing: bool = False

    max_length: int = 2048
    """Longest training sequence in tokens (a longer one is dropped and counted), and the size of a pack."""
    packing: Literal["shared", "bfd", "none"] = "shared"
    """Our own: `shared` lays the questions of one database behind one copy of its prompt; `bfd` is TRL's packing of
    whole sequences; `none` pads. All three compute the same loss."""

    r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    target_modules: str = "all-linear"
    use_rslora: bool = False

    logging_steps: int = 1
    eval_steps: float = 0.25
    """Below 1 a share of all steps, else a number of steps; a checkpoint is kept wherever it is measured."""
    eval_on_start: bool = False
    max_train_queries: int = 0
    """Our own: samples of at most that many training queries, drawn by the seed; 0 takes all."""
    max_eval_queries: int = 0
    """Our own: samples of at most that many queries for the evaluation loss; 0 takes all."""

    def __post_init__(self) -> None:
        for name in (
            "learning_rate",
            "num_train_epochs",
            "max_length",
            "r",
            "lora_alpha",
            "logging_steps",
            "eval_steps",
        ):
            if getattr(self, name) <= 0:
                raise BadInput(f"recipe {self.name}: {name} is {getattr(self, name)}, it must be above 0")

    def headline(self) -> dict[str, float | int | str]:
        """The few settings that runs are compared by."""
        names = ("learning_rate", "num_train_epochs", "max_steps", "max_length", "packing", "r", "lora_alpha")
        return {name: getattr(self, name) for name in names}


def recipe_for(recipe: str, model: str) -> Recipe:
    """The recipe of that name or YAML path; `auto` chooses by the model. Raises BadInput."""
    chosen = {"tiny": "tiny", "smol": "smoke"}.get(model, "lora") if recipe == "auto" else recipe
    if chosen.endswith((".yaml", ".yml")):
        return read_recipe(Path(chosen))
    path = RECIPES / f"{chosen}.yaml"
    if not path.is_file():
        known = shipped_recipes()
        near = difflib.get_close_matches(chosen, known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise BadInput(f"no recipe called {chosen!r}{hint}: give one of {', '.join(known)}, or the path of a YAML file")
    return read_recipe(path)


def shipped_recipes() -> list[str]:
    """Names of the recipes in `recipes/`."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file; its name is the file's. Raises BadInput naming file, key and what is wrong with it."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise BadInput(f"cannot read the recipe {path}: {e.strerror}") from e
    except yaml.YAMLError as e:
        raise BadInput(f"{path} is not YAML: {' '.join(str(e).split())}") from e
    if not isinstance(values, dict):
        raise BadInput(f"{path}: a recipe is a list of `key: value` lines")
    return _recipe({"name": path.stem, **values}, str(path))


def _recipe(values: dict[str, Any], where: str) -> Recipe:
    kinds = typing.get_type_hints(Recipe)
    required = {f.name for f in dataclasses.fields(Recipe) if f.default is dataclasses.MISSING}
    for key in values:
        if key not in kinds:
            near = difflib.get_close_matches(str(key), kinds, n=1)
            raise BadInput(f"{where}: a recipe has no key {key!r}" + (f"; did you mean {near[0]}?" if near else ""))
    if missing := sorted(required - values.keys()):
        raise BadInput(f"{where}: the recipe lacks {', '.join(missing)}")
    return Recipe(**{key: _checked(value, kinds[key], f"{where}: {key}") for key, value in values.items()})


def _checked(value: Any, kind: Any, where: str) -> Any:
    """The value if it is of the field's type; whole numbers serve as floats, and `2e-4` (text in YAML) as a number."""
    choices = typing.get_args(kind)
    if choices:
        if value not in choices:
            raise BadInput(f"{where} is {value!r}, it must be one of {', '.join(choices)}")
        return value
    if kind is float and not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise BadInput(f"{where} is {value!r}, it must be of type {kind.__name__}")
