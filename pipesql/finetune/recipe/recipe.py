"""A training recipe: everything that decides how a model is fine-tuned, as one typed value.

Field names are those of PEFT's LoraConfig, of transformers' BitsAndBytesConfig and of TRL's and transformers' training
arguments, so that their documentation holds here; those of our own say so. `recipe_files` reads them from `recipes/`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from pipesql.errors import BadInput

ABOVE_ZERO = ("learning_rate", "num_train_epochs", "max_length", "r", "lora_alpha", "logging_steps", "eval_steps")
NOT_BELOW_ZERO = (
    "max_grad_norm", "save_steps", "early_stopping_patience", "guard_sigma", "guard_window", "guard_patience",
    "guard_rewinds", "max_train_queries", "max_eval_queries",
)  # fmt: skip


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
    optim: str = "adamw_torch"
    lr_scheduler_type: str = "cosine"
    warmup_steps: float = 0.05
    """Below 1 a share of all steps, else a number of steps."""
    weight_decay: float = 0.0
    adam_beta2: float = 0.999
    max_grad_norm: float = 1.0

    max_length: int = 2048
    """Longest training sequence in tokens (a longer one is dropped and counted), and the size of a pack."""
    packing: Literal["shared", "bfd", "none"] = "shared"
    """Our own: `shared` lays the questions of one database behind one copy of its prompt; `bfd` is TRL's packing of
    whole sequences; `none` pads. All three compute the same loss."""

    use_peft: bool = True
    """LoRA; false trains every weight."""
    r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    target_modules: str = "all-linear"
    use_rslora: bool = False

    load_in_4bit: bool = False
    """QLoRA: the frozen base in 4 bits (bitsandbytes). Needs `use_peft`."""
    bnb_4bit_quant_type: Literal["nf4", "fp4"] = "nf4"
    bnb_4bit_use_double_quant: bool = True

    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    """Our own: what the forward pass computes in; `auto` takes what the device is best at (`arguments.precision`)."""
    attn_implementation: Literal["auto", "sdpa", "eager", "flash_attention_2", "flex_attention"] = "auto"
    activation_checkpointing: Literal["auto", "on", "off"] = "auto"
    """`auto` turns it on where the forecast (`plan`) says that the device's memory needs it."""

    logging_steps: int = 1
    eval_steps: float = 0.25
    """Below 1 a share of all steps, else a number of steps."""
    save_steps: float = 0.0
    """The same for checkpoints, from which a killed run goes on; 0: wherever the evaluation loss is measured."""
    eval_on_start: bool = False
    select: Literal["loss", "ex"] = "loss"
    """Our own: the best checkpoint has the lowest evaluation loss, or the highest execution accuracy on the evaluation
    queries."""
    early_stopping_patience: int = 0
    """Stop after so many evaluations in a row without a better one; 0 never stops early."""

    guard_sigma: float = 6.0
    """Our own, as the rest of the guard (`guard`): a step whose loss or gradient norm lies more than so many standard
    deviations above the mean of the last `guard_window` is skipped; 0 skips those alone that are not finite."""
    guard_window: int = 128
    guard_patience: int = 3
    """So many skipped steps in a row rewind to the last good checkpoint."""
    guard_rewinds: int = 3
    """One rewind more than this, and training stops with the best checkpoint and the run FAILED."""
    guard_lr_factor: float = 0.5
    """Each rewind multiplies the learning rate by this."""

    max_train_queries: int = 0
    """Our own: samples of at most that many training queries, drawn by the seed; 0 takes all."""
    max_eval_queries: int = 0
    """Our own: samples of at most that many queries for the evaluation loss; 0 takes all."""

    def __post_init__(self) -> None:
        for name in ABOVE_ZERO:
            if getattr(self, name) <= 0:
                raise BadInput(f"recipe {self.name}: {name} is {getattr(self, name)}, it must be above 0")
        for name in NOT_BELOW_ZERO:
            if getattr(self, name) < 0:
                raise BadInput(f"recipe {self.name}: {name} is {getattr(self, name)}, it must not be below 0")
        if not 0 < self.guard_lr_factor <= 1:
            raise BadInput(f"recipe {self.name}: guard_lr_factor is {self.guard_lr_factor}, it must lie in (0, 1]")
        if self.load_in_4bit and not self.use_peft:
            raise BadInput(
                f"recipe {self.name}: weights in 4 bits cannot be trained themselves; "
                "set use_peft: true, or load_in_4bit: false"
            )

    def headline(self) -> dict[str, float | int | str]:
        """The few settings that runs are compared by."""
        names = (
            "learning_rate", "num_train_epochs", "max_steps", "gradient_accumulation_steps", "max_length", "packing",
            "use_peft", "load_in_4bit", "r", "lora_alpha", "select",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


FIELDS = tuple(field.name for field in dataclasses.fields(Recipe) if field.name not in ("name", "description"))
"""What a recipe decides: the keys of its file that `mlflow run -P key=value` may override."""
