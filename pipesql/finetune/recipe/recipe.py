"""Recipes: every setting of a training as one typed value, `Recipe` for samples and `GrpoRecipe` for rewards.

Field names are those of PEFT's LoraConfig, of transformers' BitsAndBytesConfig and of TRL's and transformers' training
arguments, so that their documentation holds here; fields of our own say so. `files` reads recipes from YAML.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pipesql.errors import InvalidOption


@dataclass(frozen=True)
class Recipe:
    """How a model is fine-tuned on samples. `name` and `description` are for reports."""

    name: str
    description: str

    learning_rate: float
    num_train_epochs: float = 1.0
    max_steps: int = -1
    """Stop after that many optimizer steps; -1: after `num_train_epochs`."""
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
    """Longest training sequence in tokens (longer ones are dropped and counted), and the size of a pack."""
    packing: Literal["shared", "bfd", "none"] = "shared"
    """Our own: `shared` puts the questions of one database behind one copy of their prompt; `bfd` is TRL's packing of
    complete sequences; `none` pads. All three compute the same loss."""

    use_peft: bool = True
    """Train a LoRA adapter; false trains every weight."""
    r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    target_modules: str = "all-linear"
    use_rslora: bool = False

    load_in_4bit: bool = False
    """QLoRA: keep the frozen base in 4 bits (bitsandbytes). Needs `use_peft`."""
    bnb_4bit_quant_type: Literal["nf4", "fp4"] = "nf4"
    bnb_4bit_use_double_quant: bool = True

    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    """Our own: the type of the forward pass; `auto` takes the device's best (`finetune.sft.build`)."""
    attn_implementation: Literal["auto", "sdpa", "eager", "flash_attention_2", "flex_attention"] = "auto"
    activation_checkpointing: Literal["auto", "on", "off"] = "auto"
    """`auto` turns it on where the forecast (`finetune.plan`) finds too little memory without it."""

    logging_steps: int = 1
    eval_steps: float = 0.25
    """Evaluate after that many steps; below 1 a share of all steps."""
    save_steps: float = 0.0
    """Write a checkpoint after that many steps, below 1 a share of all steps; 0: after every evaluation. An interrupted
    run resumes from the last one."""
    eval_on_start: bool = False
    select: Literal["loss", "ex"] = "loss"
    """Our own: how the best checkpoint is chosen, by the lowest evaluation loss or by the highest execution accuracy on
    the evaluation queries."""
    early_stopping_patience: int = 0
    """Stop after that many evaluations in a row without a better one; 0 never stops early."""

    guard_sigma: float = 6.0
    """Our own, like all settings of the guard (`finetune.guard`): skip a step whose loss or gradient norm lies more
    than that many standard deviations above the mean of the last `guard_window` steps; 0 skips only steps that are not
    finite."""
    guard_window: int = 128
    guard_patience: int = 3
    """After that many skipped steps in a row, go back to the last good checkpoint."""
    guard_rewinds: int = 3
    """After that many returns to a checkpoint, the next one ends the run as FAILED; its best checkpoint is kept."""
    guard_lr_factor: float = 0.5
    """Each return to a checkpoint multiplies the learning rate by this factor."""

    max_train_queries: int = 0
    """Our own: train on the samples of up to that many queries, drawn by the seed; 0 takes all."""
    max_eval_queries: int = 0
    """Our own: measure the evaluation loss on the samples of up to that many queries; 0 takes all."""

    def __post_init__(self) -> None:
        _require_numbers(
            self,
            above_zero=(
                "learning_rate", "num_train_epochs", "max_length", "r", "lora_alpha", "logging_steps", "eval_steps",
            ),
            not_below_zero=(
                "max_grad_norm", "save_steps", "early_stopping_patience", "guard_sigma", "guard_window",
                "guard_patience", "guard_rewinds", "max_train_queries", "max_eval_queries",
            ),
        )  # fmt: skip
        if not 0 < self.guard_lr_factor <= 1:
            raise InvalidOption(
                f"recipe {self.name}: guard_lr_factor is {self.guard_lr_factor}, but it must be above 0 and at most 1"
            )
        if self.load_in_4bit and not self.use_peft:
            raise InvalidOption(
                f"recipe {self.name}: weights in 4 bits cannot be trained; set use_peft: true, or load_in_4bit: false"
            )

    @property
    def rows_a_step(self) -> int:
        """Rows (packs or samples) that one optimizer step of one process learns from."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps

    def headline(self) -> dict[str, float | int | str]:
        """The few settings by which runs are compared."""
        names = (
            "learning_rate", "num_train_epochs", "max_steps", "gradient_accumulation_steps", "max_length", "packing",
            "use_peft", "load_in_4bit", "r", "lora_alpha", "select",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class GrpoRecipe:
    """How a model is trained by rewards (GRPO). `name` and `description` are for reports."""

    name: str
    description: str

    learning_rate: float
    max_steps: int = 200
    """Optimizer steps."""
    per_device_train_batch_size: int = 8
    """Answers (not questions); times `gradient_accumulation_steps` it must be a multiple of `num_generations`."""
    gradient_accumulation_steps: int = 1
    lr_scheduler_type: str = "cosine"
    warmup_steps: float = 0.05
    """Below 1 a share of all steps, else a number of steps."""
    weight_decay: float = 0.0
    adam_beta2: float = 0.999
    max_grad_norm: float = 1.0

    num_generations: int = 8
    """Answers to a question: a group, within which each answer's reward is compared with the others'."""
    beta: float = 0.04
    """Weight of the KL divergence from the model at the start; 0 leaves it out."""
    epsilon: float = 0.2
    num_iterations: int = 1
    loss_type: Literal["dapo", "grpo", "bnpo", "dr_grpo"] = "dapo"
    """`dapo` divides by the tokens of all answers, so that each token weighs the same in long and short answers."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    mask_truncated_completions: bool = False

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_prompt_length: int = 1024
    """Our own: questions with a longer prompt, in tokens, are left out and counted."""
    max_completion_length: int = 256
    """Longest answer in tokens; an answer that has not ended by then has reward 0."""

    weight_execution: float = 0.3
    """Our own, like the other three weights of rewards (`finetune.grpo.rewards`)."""
    weight_result_f1: float = 0.5
    weight_schema: float = 0.1
    weight_structure: float = 0.1
    reward_timeout_s: float = 2.0
    """Our own: deadline of one execution, in seconds."""
    reward_max_rows: int = 10_000
    """Our own: an answer that returns more rows counts as one that fails to run."""

    r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    target_modules: str = "all-linear"
    use_rslora: bool = False
    activation_checkpointing: Literal["on", "off"] = "off"

    logging_steps: int = 1
    max_train_queries: int = 0
    """Our own: train on up to that many questions, drawn by the seed; 0 takes all."""

    def __post_init__(self) -> None:
        _require_numbers(
            self,
            above_zero=(
                "learning_rate", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps",
                "num_iterations", "temperature", "top_p", "epsilon", "max_prompt_length", "max_completion_length", "r",
                "lora_alpha", "logging_steps", "reward_timeout_s", "reward_max_rows",
            ),
            not_below_zero=(
                "beta", "top_k", "warmup_steps", "weight_decay", "max_grad_norm", "lora_dropout", "max_train_queries",
                "weight_execution", "weight_result_f1", "weight_schema", "weight_structure",
            ),
        )  # fmt: skip
        if self.num_generations < 2:
            raise InvalidOption(
                f"recipe {self.name}: num_generations is {self.num_generations}, but it must be 2 or more, because an "
                "answer's reward is compared with those of other answers to the same question"
            )
        if self.answers_a_step % self.num_generations:
            raise InvalidOption(
                f"recipe {self.name}: per_device_train_batch_size x gradient_accumulation_steps is "
                f"{self.answers_a_step}, which is not a multiple of num_generations {self.num_generations}"
            )
        if not any(self.weights):
            raise InvalidOption(f"recipe {self.name}: every reward has weight 0; give one of them a weight above 0")

    @property
    def answers_a_step(self) -> int:
        """Answers that one optimizer step learns from."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps

    @property
    def questions_a_step(self) -> int:
        """Questions of one optimizer step."""
        return self.answers_a_step // self.num_generations

    @property
    def weights(self) -> tuple[float, float, float, float]:
        """The weights of the rewards, in the order of `rewards.REWARDS`."""
        return self.weight_execution, self.weight_result_f1, self.weight_schema, self.weight_structure

    def headline(self) -> dict[str, float | int | str]:
        """The few settings by which runs are compared."""
        names = (
            "learning_rate", "max_steps", "num_generations", "beta", "temperature", "max_completion_length",
            "loss_type", "gradient_accumulation_steps", "r", "lora_alpha",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {"questions_a_step": self.questions_a_step}


def _require_numbers(recipe: Any, above_zero: Iterable[str], not_below_zero: Iterable[str]) -> None:
    """Raise InvalidOption, naming the field, for a number outside of its range."""
    for name in above_zero:
        if getattr(recipe, name) <= 0:
            raise InvalidOption(f"recipe {recipe.name}: {name} is {getattr(recipe, name)}, but it must be above 0")
    for name in not_below_zero:
        if getattr(recipe, name) < 0:
            raise InvalidOption(f"recipe {recipe.name}: {name} is {getattr(recipe, name)}, but it must not be negative")


def field_names(kind: type[Recipe] | type[GrpoRecipe]) -> tuple[str, ...]:
    """The settings of a recipe: the keys of its file that `mlflow run -P key=value` may override."""
    return tuple(field.name for field in dataclasses.fields(kind) if field.name not in ("name", "description"))


FIELDS = field_names(Recipe)
GRPO_FIELDS = field_names(GrpoRecipe)
