"""docs/reference/recipes.md says what the recipe files say."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from pipesql.cli.main import main
from pipesql.finetune.recipe import table as recipe_table
from pipesql.finetune.recipe.files import RECIPES, shipped_recipes

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "recipes.md"


def test_the_page_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(main, ["recipes", "--markdown"])
    assert printed.exit_code == 0
    assert printed.output == PAGE.read_text(encoding="utf-8"), "pipesql recipes --markdown > docs/reference/recipes.md"


def test_every_recipe_has_a_row_that_says_what_it_trains() -> None:
    rows = {row[0]: row for row in recipe_table.train_rows()}
    assert list(rows) == shipped_recipes(RECIPES)
    assert rows["7b"][1:5] == ("QLoRA 16/32", "5e-05", "2 epochs", "1 pack")
    assert rows["guide-7b"][4] == "32 samples"
    assert rows["smol-full"][1] == "every weight"
    assert rows["tiny"][3] == "20 steps"


def test_the_table_is_listed_on_a_terminal() -> None:
    printed = CliRunner().invoke(main, ["recipes"]).output
    assert all(f"\n{name} " in f"\n{printed}" for name in shipped_recipes())
