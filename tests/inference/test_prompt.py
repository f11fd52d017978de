"""A model that was trained with values in its prompts is asked with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipesql.chat import template
from pipesql.chat.prompts import PromptShape
from pipesql.errors import BadInput
from pipesql.evaluate.questions import prompt_shape
from pipesql.inference import answer as answering
from pipesql.inference.config import DecodingConfig
from pipesql.storage import write_json


def test_the_manifest_says_how_many(tmp_path: Path) -> None:
    assert prompt_shape(tmp_path) == PromptShape(values=0, keys=True)
    write_json(tmp_path / "manifest.json", {"config": {"values": 2}})
    assert prompt_shape(tmp_path) == PromptShape(values=2, keys=True)
    write_json(tmp_path / "manifest.json", {"config": {}})
    assert prompt_shape(tmp_path) == PromptShape(values=0, keys=True)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(BadInput, match="is not the manifest of a data folder"):
        prompt_shape(tmp_path)


@pytest.mark.parametrize(("values", "told"), [(0, False), (1, True)])
def test_the_prompt_holds_them(golden, monkeypatch: pytest.MonkeyPatch, values: int, told: bool) -> None:
    seen: list[str] = []

    def keep(_tokenizer: object, messages: template.Messages) -> list[int]:
        seen.append(messages[-1]["content"])
        return [1]

    monkeypatch.setattr(answering, "prompt_ids", keep)
    monkeypatch.setattr(answering, "decode", lambda *_args, **_more: [])
    asked = [replace(golden[0], question="Is Bob over 30?")]
    answering.answer(None, None, asked, DecodingConfig(values=values), lambda index, decoded, share: None)
    assert ("Values: singer.name = 'Bob'\n" in seen[0]) == told


def test_a_schema_that_does_not_fit_is_cut_to_the_most_likely_tables(golden) -> None:
    from pipesql.execution.database import Database
    from pipesql.inference.answer import prompt_within
    from pipesql.models import resolve_model
    from pipesql.models.load import load_tokenizer

    tokenizer = load_tokenizer(resolve_model("tiny"))
    schema, asked = Database(golden[0].database).schema, replace(golden[0], question="Which number is the largest?")
    whole = prompt_within(tokenizer, schema, asked, (), (), 100_000)
    cut = prompt_within(tokenizer, schema, asked, (), (), len(whole) - 1)
    said = tokenizer.decode(whole), tokenizer.decode(cut)
    assert "singer:" in said[0] and "number:" in said[0]
    assert "singer:" not in said[1] and "number:" in said[1] and asked.question in said[1]
    assert DecodingConfig(prompt_tokens=9).room(None) == 9 and DecodingConfig().room(None) > 100_000


def test_a_model_that_was_trained_without_keys_is_asked_without(golden, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(answering, "prompt_ids", lambda _tokenizer, told: seen.append(told[-1]["content"]) or [1])
    monkeypatch.setattr(answering, "decode", lambda *_args, **_more: [])
    for keys in (1, 0):
        answering.answer(None, None, golden[:1], DecodingConfig(keys=keys), lambda index, decoded, share: None)
    assert "singer: singer_id int key, name, age int" in seen[0]
    assert "singer: singer_id int, name, age int" in seen[1]
