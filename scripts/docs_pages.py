"""Fill the tables of the reference when the site is built: commands, parameters of entry points, recipe fields.

A line `<!-- fill: NAME ARGUMENT -->` in a page is replaced by what the function in `FILLS` returns. The tables come
from the code that they describe, so they cannot be stale. mkdocs.yml lists this file under `hooks`.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import yaml

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(r"^<!-- fill: (\S+)(?: (\S+))? -->$", re.MULTILINE)
EXAMPLE = "\b"
"""With it a help text marks a paragraph whose lines stay as they are; here they are commands."""
RECIPES = {"train": "pipesql.finetune.recipe.recipe.Recipe", "grpo": "pipesql.finetune.recipe.recipe.GrpoRecipe"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """mkdocs calls this with every page's text; returns it with its marks replaced."""
    return MARK.sub(lambda found: FILLS[found[1]](*([found[2]] if found[2] else [])), markdown)


def commands() -> str:
    """Every command of `pipesql` but the entry points, with its usage and its options."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    main = importlib.import_module("pipesql.cli.main").main
    return "\n\n".join(_command(*found) for found in _walk(main, "pipesql") if found[0].split()[1] not in steps())


def parameters(entry: str) -> str:
    """A table of an entry point's parameters: default and meaning."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    options = {p.name: p for p in importlib.import_module(f"steps.{entry}").main.params}
    rows = []
    for name, parameter in entry_points()[entry].get("parameters", {}).items():
        help_ = getattr(options.get(name), "help", "") or ""
        rows.append((f"`{name}`", _value(parameter["default"]), _cell(help_)))
    return _table(("parameter", "default", "meaning"), rows)


def fields(recipe: str) -> str:
    """A table of a recipe's fields: default and what the text below the field says."""
    module, _, name = RECIPES[recipe].rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    texts = _field_texts(cls)
    rows = []
    for field in dataclasses.fields(cls):
        if field.name in ("name", "description"):
            continue
        default = "required" if field.default is dataclasses.MISSING else _value(field.default)
        rows.append((f"`{field.name}`", default, _cell(texts.get(field.name, ""))))
    return _table(("field", "default", "meaning"), rows)


FILLS: dict[str, Callable[..., str]] = {"commands": commands, "parameters": parameters, "fields": fields}


def entry_points() -> dict[str, Any]:
    """The entry points of MLproject by name."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "MLproject").read_text(encoding="utf-8"))["entry_points"]
    return found


def steps() -> set[str]:
    """The commands that are entry points under another roof; `parameters` lists their options."""
    return {*entry_points(), "pipeline"}


def _walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    with click.Context(command, info_name=name) as context:
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            if found is not None and not found.hidden:
                yield from _walk(found, f"{name} {each}")


def _command(name: str, command: click.Command) -> str:
    with click.Context(command, info_name=name) as context:
        usage = " ".join([name, *command.collect_usage_pieces(context)])
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    text = "\n\n".join(
        f"```{part.removeprefix(EXAMPLE)}\n```" if part.startswith(EXAMPLE) else " ".join(part.split())
        for part in paragraphs
    )
    rows = []
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            flag = option.is_flag or option.default is None or "UNSET" in repr(option.default)
            default = "" if flag or option.required else _value(option.default)
            words = ", ".join(f"`{word}`" for word in option.opts)
            rows.append((words, "required" if option.required else default, _cell(option.help or "")))
    table = f"\n\n{_table(('option', 'default', 'meaning'), rows)}" if rows else ""
    return f"## {name}\n\n```\n{usage}\n```\n\n{text}{table}"


def _field_texts(cls: type) -> dict[str, str]:
    """The string below each annotated field of a class."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(body, ast.ClassDef)
    texts: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            value = below.value if isinstance(below, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                texts[field.target.id] = inspect.cleandoc(value.value)
    return texts


def _value(value: object) -> str:
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{shown}`" if shown else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, tuple("---" for _ in head), *rows])
