"""A recipe of GRPO: how a trained model is trained on by what its answers are worth, as one typed value.

Field names are those of TRL's GRPOConfig, of transformers' training arguments and of PEFT's LoraConfig, so that their
documentation holds here; those of our own say so. `recipe_files` reads them from `recipes/grpo/`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from pipesql.errors import BadInput

ABOVE_ZERO = (
    "learning_rate", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "num_iterations",
    "temperature", "top_p", "epsilon", "max_prompt_length", "max_completion_length", "r", "lora_alpha", "logging_steps",
    "reward_timeout_s", "reward_max_rows",
)  # fmt: skip
NOT_BELOW_ZERO = (
    "beta", "top_k", "warmup_steps", "weight_decay", "max_grad_norm", "lora_dropout", "max_train_queries",
    "weight_execution", "weight_result_f1", "weight_schema", "weight_structure",
)  # fmt: skip


@dataclass(frozen=True)
class GrpoRecipe:
    """How a model is trained by rewards. `name` and `description` are for reports."""

    name: str
    description: str

    learning_rate: float
    max_steps: int = 200
    """Optimizer steps."""
    per_device_train_batch_size: int = 8
    """Answers, not questions: this times `gradient_accumulation_steps` is a whole number of groups."""
    gradient_accumulation_steps: int = 1
    lr_scheduler_type: str = "cosine"
    warmup_steps: float = 0.05
    """Below 1 a share of all steps, else a number of steps."""
    weight_decay: float = 0.0
    adam_beta2: float = 0.999
    max_grad_norm: float = 1.0

    num_generations: int = 8
    """Answers a question, a group: an answer is judged against the others of its group."""
    beta: float = 0.04
    """Weight of the KL divergence from the model that training began with; 0 lets it go where the rewards lead."""
    epsilon: float = 0.2
    num_iterations: int = 1
    loss_type: Literal["dapo", "grpo", "bnpo", "dr_grpo"] = "dapo"
    """`dapo` divides by the tokens of all answers, so that a long one weighs no less a token than a short one."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    mask_truncated_completions: bool = False

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_prompt_length: int = 1024
    """Our own: questions with a longer prompt, in tokens, are left out and counted."""
    max_completion_length: int = 256
    """Tokens of an answer; one that has not ended by then is worth nothing."""

    weight_execution: float = 0.3
    """Our own, as the other three: what each reward weighs (`pipesql.finetune.grpo.rewards`)."""
    weight_result_f1: float = 0.5
    weight_schema: float = 0.1
    weight_structure: float = 0.1
    reward_timeout_s: float = 2.0
    """Our own: deadline of one execution, in seconds."""
    reward_max_rows: int = 10_000
    """Our own: an answer that returns more rows counts as one that does not run."""

    r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    target_modules: str = "all-linear"
    use_rslora: bool = False
    activation_checkpointing: Literal["on", "off"] = "off"

    logging_steps: int = 1
    max_train_queries: int = 0
    """Our own: at most that many questions, drawn by the seed; 0 takes all."""

    def __post_init__(self) -> None:
        for name in ABOVE_ZERO:
            if getattr(self, name) <= 0:
                raise BadInput(f"recipe {self.name}: {name} is {getattr(self, name)}, it must be above 0")
        for name in NOT_BELOW_ZERO:
            if getattr(self, name) < 0:
                raise BadInput(f"recipe {self.name}: {name} is {getattr(self, name)}, it must not be below 0")
        if self.num_generations < 2:
            raise BadInput(
                f"recipe {self.name}: num_generations is {self.num_generations}; "
                "an answer is judged against others to the same question, so it must be 2 or more"
            )
        if self.answers_a_step % self.num_generations:
            raise BadInput(
                f"recipe {self.name}: per_device_train_batch_size x gradient_accumulation_steps is "
                f"{self.answers_a_step} answers, which are no whole groups of num_generations {self.num_generations}"
            )
        if not any(self.weights):
            raise BadInput(f"recipe {self.name}: every reward weighs 0, so nothing could be learnt")

    @property
    def answers_a_step(self) -> int:
        """Answers that one optimizer step learns from."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps

    @property
    def questions_a_step(self) -> int:
        """Questions that one optimizer step asks."""
        return self.answers_a_step // self.num_generations

    @property
    def weights(self) -> tuple[float, float, float, float]:
        """What the rewards weigh, in the order of `rewards.REWARDS`."""
        return self.weight_execution, self.weight_result_f1, self.weight_schema, self.weight_structure

    def headline(self) -> dict[str, float | int | str]:
        """The few settings that runs are compared by."""
        names = (
            "learning_rate", "max_steps", "num_generations", "beta", "temperature", "max_completion_length",
            "loss_type", "gradient_accumulation_steps", "r", "lora_alpha",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {"questions_a_step": self.questions_a_step}


FIELDS = tuple(field.name for field in dataclasses.fields(GrpoRecipe) if field.name not in ("name", "description"))
"""What a recipe decides: the keys of its file that `mlflow run -P key=value` may override."""
