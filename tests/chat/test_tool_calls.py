"""Conversations with tools: one renderer writes them, and reads back what the assistant wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipesql.assistant_tools.specs import SPECS
from pipesql.chat.template import END, TEMPLATE, conversation, markers, prompt_ids, render
from pipesql.chat.tool_calls import answered, call, calling, read_message
from pipesql.errors import BadInput
from pipesql.finetune.data.tokenise import IGNORED, tokenise_sample
from pipesql.models import resolve_model
from pipesql.models.load import load_tokenizer
from pipesql.records import Sample
from tests.support.models import TINY_AND_SMOL, model_or_skip

WRONG = call(2, "execute_pipe_sql", query="FROM singer\n|> SELECT Nme")
RIGHT = call(3, "execute_pipe_sql", query="FROM singer\n|> SELECT Name")
MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "Answer."},
    {"role": "user", "content": "Who sings?"},
    calling([call(1, "list_tables")]),
    answered(call(1, "list_tables"), '{"tables": ["singer"]}'),
    {**calling([WRONG], "Let me see."), "weight": 0},
    answered(WRONG, '{"error": "no column Nme here"}'),
    calling([RIGHT]),
    answered(RIGHT, '{"rows": [["<|im_end|>"]]}'),
]
OPERATORS = ("FROM singer", "|> SELECT Name")
SAMPLE = Sample("q#tools", "db", "train", "tools", tuple(MESSAGES), OPERATORS, tools=SPECS)


@pytest.fixture(scope="module", params=TINY_AND_SMOL)
def tokenizer(request):
    return load_tokenizer(model_or_skip(request.param))


def test_what_a_conversation_looks_like(tokenizer) -> None:
    text = render(tokenizer, MESSAGES, SPECS)
    assert text.startswith('<|im_start|>system\nAnswer.\n\nTools:\n{"name": "list_tables"')
    assert (
        "<|im_start|>assistant\nLet me see.\n<tool_call>\n"
        '{"name": "execute_pipe_sql", "arguments": {"query": "FROM singer\\n|> SELECT Nme"}}\n'
        "</tool_call><|endoftext|>\n<|im_start|>tool\n"
    ) in text
    assert text.endswith('<|im_start|>tool\n{"rows": [["< |im_end|>"]]}<|im_end|>\n<|im_start|>assistant\n')


def test_the_tools_are_offered_where_there_is_no_system_message(tokenizer) -> None:
    text = render(tokenizer, [{"role": "user", "content": "Who?"}], SPECS)
    assert text.startswith("<|im_start|>system\nTools:\n")
    assert text.endswith("</tool_call><|im_end|>\n<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n")


def test_the_prompt_of_every_turn_is_the_prefix_of_the_whole(tokenizer) -> None:
    row = tokenise_sample(SAMPLE, tokenizer)
    for place, message in enumerate(MESSAGES):
        if message["role"] == "assistant":
            prompt = prompt_ids(tokenizer, MESSAGES[:place], SPECS)
            assert list(row.input_ids[: len(prompt)]) == prompt
            label = row.labels[len(prompt)]
            assert (label == IGNORED) == (message.get("weight") == 0)


def test_the_loss_falls_on_the_turns_of_the_assistant_alone(tokenizer) -> None:
    row = tokenise_sample(SAMPLE, tokenizer)
    learnt = tokenizer.decode([label for label in row.labels if label != IGNORED])
    assert learnt == (
        '<tool_call>\n{"name": "list_tables", "arguments": {}}\n</tool_call><|endoftext|>'
        '<tool_call>\n{"name": "execute_pipe_sql", "arguments": {"query": "FROM singer\\n|> SELECT Name"}}\n'
        "</tool_call><|endoftext|>FROM singer<|im_end|>\n|> SELECT Name<|endoftext|>"
    )


def test_the_template_alone_gives_the_same_tokens_and_the_same_mask(tokenizer) -> None:
    rendered = tokenizer.apply_chat_template(
        [*MESSAGES, {"role": "assistant", "content": "\n".join(OPERATORS)}],
        tools=list(SPECS),
        chat_template=TEMPLATE,
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    row = tokenise_sample(SAMPLE, tokenizer)
    assert rendered["input_ids"] == list(row.input_ids)
    assert rendered["assistant_masks"] == [int(label != IGNORED) for label in row.labels]


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=60, deadline=None)
@given(queries=st.lists(TEXTS, min_size=1, max_size=3), content=st.sampled_from(["", "I look.", "a\nb"]))
@example(queries=["<|im_end|></tool_call>", "<tool_call>\n", "\\u007c <\\u007c"], content="")
def test_reading_a_turn_undoes_writing_it(queries, content) -> None:
    tokenizer = load_tokenizer(resolve_model("tiny"))
    message = calling([call(n, "execute_pipe_sql", query=q) for n, q in enumerate(queries, 4)], content)
    before = render(tokenizer, MESSAGES, SPECS)
    text = render(tokenizer, [*MESSAGES, message], SPECS, ask=False)[len(before) :]
    assert "<|" not in text.removesuffix(END)
    assert read_message(text.removesuffix(END), first=4) == message


def test_arguments_may_be_a_json_text_as_servers_send_them(tokenizer) -> None:
    asked = {**call(1, "list_tables"), "function": {"name": "list_tables", "arguments": "{}"}}
    assert render(tokenizer, [*MESSAGES[:2], calling([asked])]) == render(tokenizer, MESSAGES[:3])


def test_a_turn_without_calls_is_its_text() -> None:
    assert read_message("FROM singer") == {"role": "assistant", "content": "FROM singer"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<tool_call>\nname", "is not JSON"),
        ('<tool_call>\n{"name": "a", "arguments": {}}', "is not closed"),
        ('<tool_call>\n{"arguments": {}}\n</tool_call>', "has no tool name"),
        ('<tool_call>\n{"name": "a", "arguments": "{}"}\n</tool_call>', "are not a JSON object"),
        ('<tool_call>\n{"name": "a", "arguments": {}}\n</tool_call>\nwell', "write another call, or end the turn"),
    ],
)
def test_what_is_no_call_is_said(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_message(text)


def test_no_special_token_comes_from_what_a_tool_says(tokenizer) -> None:
    ids = conversation(tokenizer, MESSAGES, SPECS).ids
    mark = markers(tokenizer)
    assert ids.count(mark.step) == 5  # system, user and three results
    assert ids.count(mark.end) == 3


def test_a_saved_template_renders_conversations_too(tokenizer, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    text = again.apply_chat_template(MESSAGES, tools=list(SPECS), add_generation_prompt=True, tokenize=False)
    assert text == render(tokenizer, MESSAGES, SPECS)
