"""A model that was trained with values in its prompts is asked with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipesql.chat import template
from pipesql.errors import BadInput
from pipesql.evaluate import answer as asking
from pipesql.evaluate.asking import Asking
from pipesql.evaluate.questions import prompt_values
from pipesql.records import write_json


def test_the_manifest_says_how_many(tmp_path: Path) -> None:
    assert prompt_values(tmp_path) == 0
    write_json(tmp_path / "manifest.json", {"config": {"values": 2}})
    assert prompt_values(tmp_path) == 2
    write_json(tmp_path / "manifest.json", {"config": {}})
    assert prompt_values(tmp_path) == 0
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(BadInput, match="is no manifest of a data folder"):
        prompt_values(tmp_path)


@pytest.mark.parametrize(("values", "told"), [(0, False), (1, True)])
def test_the_prompt_holds_them(golden, monkeypatch: pytest.MonkeyPatch, values: int, told: bool) -> None:
    seen: list[str] = []

    def keep(_tokenizer: object, messages: template.Messages) -> list[int]:
        seen.append(messages[-1]["content"])
        return [1]

    monkeypatch.setattr(asking, "prompt_ids", keep)
    monkeypatch.setattr(asking, "decode", lambda *_args, **_more: [])
    asked = [replace(golden[0], question="Is Bob over 30?")]
    asking.answer(None, None, asked, Asking(values=values), lambda index, decoded, share: None)
    assert ("Values: singer.name = 'Bob'\n" in seen[0]) == told
