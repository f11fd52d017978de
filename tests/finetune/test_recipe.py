"""Recipes: the shipped ones load, and what is wrong in a file is said with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipesql.errors import BadInput
from pipesql.finetune.recipe import read_recipe, recipe_for, shipped_recipes


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_loads_and_says_what_it_is_for(name) -> None:
    recipe = recipe_for(name, "smol")
    assert recipe.name == name
    assert recipe.description


@pytest.mark.parametrize(("model", "recipe"), [("tiny", "tiny"), ("smol", "smoke"), ("1.5b", "lora"), ("a/b", "lora")])
def test_auto_chooses_by_the_model(model, recipe) -> None:
    assert recipe_for("auto", model).name == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rte: 1", "no key 'learning_rte'; did you mean learning_rate"),
        ("description: x", "lacks learning_rate"),
        ("{description: x, learning_rate: fast}", "learning_rate is 'fast', it must be of type float"),
        ("{description: x, learning_rate: 1, r: 2.5}", "r is 2.5, it must be of type int"),
        ("{description: x, learning_rate: 1, r: true}", "r is True, it must be of type int"),
        ("{description: x, learning_rate: 1, packing: tight}", "must be one of shared, bfd, none"),
        ("{description: x, learning_rate: -1}", "learning_rate is -1.0, it must be above 0"),
        ("- a", "`key: value` lines"),
        ("a: [", "is not YAML"),
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
