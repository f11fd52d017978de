"""Recipes: the shipped ones load, and what is wrong in a file is said with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipesql.errors import BadInput
from pipesql.finetune.recipe.files import (
    GRPO_RECIPES,
    grpo_recipe_for,
    read_grpo_recipe,
    read_recipe,
    recipe_for,
    shipped_recipes,
)


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_loads_and_says_what_it_is_for(name) -> None:
    recipe = recipe_for(name, "smol")
    assert recipe.name == name
    assert recipe.description


@pytest.mark.parametrize(
    ("model", "recipe"), [("tiny", "tiny"), ("smol", "smoke"), ("1.5b", "1.5b"), ("7b", "7b"), ("a/b", "lora")]
)
def test_auto_chooses_by_the_model(model, recipe) -> None:
    assert recipe_for("auto", model).name == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rte: 1", "no field 'learning_rte'; did you mean learning_rate"),
        ("description: x", "lacks learning_rate"),
        ("{description: x, learning_rate: fast}", "learning_rate is 'fast', but it must be of type float"),
        ("{description: x, learning_rate: 1, r: 2.5}", "r is 2.5, but it must be of type int"),
        ("{description: x, learning_rate: 1, r: true}", "r is True, but it must be of type int"),
        ("{description: x, learning_rate: 1, packing: tight}", "must be one of shared, bfd, none"),
        ("{description: x, learning_rate: -1}", "learning_rate is -1.0, but it must be above 0"),
        ("- a", "`key: value` lines"),
        ("a: [", "is not valid YAML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text, message) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=message):
        read_recipe(path)


def test_a_number_in_scientific_notation_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("description: x\nlearning_rate: 2e-4\n")  # text, to YAML
    assert recipe_for(str(path), "smol").learning_rate == 2e-4


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean smoke"):
        recipe_for("smokes", "smol")
    with pytest.raises(BadInput, match="cannot read the recipe"):
        recipe_for("no/such.yaml", "smol")


def test_single_fields_are_overridden() -> None:
    recipe = recipe_for("tiny", "tiny", {"learning_rate": "1e-3", "max_steps": "7", "activation_checkpointing": "off"})
    assert (recipe.learning_rate, recipe.max_steps, recipe.activation_checkpointing) == (1e-3, 7, "off")
    with pytest.raises(BadInput, match="no field 'lr'"):
        recipe_for("tiny", "tiny", {"lr": "1e-3"})
    with pytest.raises(BadInput, match="override of recipe tiny: r is 'many', but it must be of type int"):
        recipe_for("tiny", "tiny", {"r": "many"})


def test_weights_in_4_bits_are_not_trained_themselves() -> None:
    with pytest.raises(BadInput, match="set use_peft: true"):
        recipe_for("7b", "7b", {"use_peft": "false"})


def test_the_guides_7b_run_has_the_guides_numbers() -> None:
    recipe = recipe_for("guide-7b", "7b")
    assert (recipe.load_in_4bit, recipe.bnb_4bit_quant_type, recipe.bnb_4bit_use_double_quant) == (True, "nf4", True)
    assert (recipe.learning_rate, recipe.gradient_accumulation_steps, recipe.max_grad_norm) == (5e-5, 32, 0.5)
    assert (recipe.eval_steps, recipe.save_steps, recipe.max_length) == (1000, 1000, 4096)
    assert (recipe.r, recipe.lora_alpha, recipe.lora_dropout) == (16, 32, 0.05)


@pytest.mark.parametrize("name", shipped_recipes(GRPO_RECIPES))
def test_every_shipped_recipe_of_grpo_loads(name) -> None:
    recipe = grpo_recipe_for(name, "smol")
    assert (recipe.name, recipe.num_generations >= 4, recipe.beta > 0) == (name, True, True)
    assert recipe.weights == (0.3, 0.5, 0.1, 0.1)
    assert recipe.description


@pytest.mark.parametrize(("model", "recipe"), [("tiny", "tiny"), ("smol", "smoke"), ("7b", "lora"), ("", "lora")])
def test_auto_chooses_grpos_recipe_by_the_model(model, recipe) -> None:
    assert grpo_recipe_for("auto", model).name == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("betta: 0.1", "no field 'betta'; did you mean beta"),
        ("packing: none", "no field 'packing'"),  # one of fine-tuning
        ("loss_type: ppo", "must be one of dapo, grpo"),
        ("num_generations: 1", "must be 2 or more"),
        ("num_generations: 6", "is 8, which is not a multiple of num_generations 6"),
        ("beta: -0.1", "must not be negative"),
        ("temperature: 0", "must be above 0"),
        (
            "{weight_execution: 0, weight_result_f1: 0, weight_schema: 0, weight_structure: 0}",
            "every reward has weight 0",
        ),
    ],
)
def test_what_is_wrong_with_a_recipe_of_grpo_is_said(tmp_path: Path, text, message) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"{{description: x, learning_rate: 1, {text.strip('{}')}}}")
    with pytest.raises(BadInput, match=message):
        read_grpo_recipe(path)


def test_the_two_kinds_of_recipe_are_not_mistaken_for_each_other() -> None:
    assert grpo_recipe_for("smoke", "smol", {"beta": "0.1", "max_steps": "3"}).beta == 0.1
    with pytest.raises(BadInput, match="no field 'num_train_epochs'"):
        grpo_recipe_for("smoke", "smol", {"num_train_epochs": "2"})
    with pytest.raises(BadInput, match="there is no recipe 'smol-full'"):
        grpo_recipe_for("smol-full", "smol")
    with pytest.raises(BadInput, match="recipes have no field"):
        recipe_for(str(GRPO_RECIPES / "smoke.yaml"), "smol")
