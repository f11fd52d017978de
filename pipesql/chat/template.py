"""The one chat template: the same tokens in training, in decoding and in any program that loads a saved model.

A query is answered operator by operator. Each operator is ended by the step marker `<|im_end|>`, the last one by the
end marker `<|endoftext|>`, and operators after the first begin with a newline:

    <|im_start|>assistant⏎ FROM singer <|im_end|> ⏎|> WHERE Age > 20 <|im_end|> ⏎|> SELECT Name <|endoftext|>

(spaces added here for legibility). So a decoder that skips special tokens gives plain pipe SQL, one operator a line,
and a prefix of the sequence is always a whole number of operators.

A conversation with tools is rendered by the same template: the system message lists the tools, a turn of the
assistant that calls some holds `<tool_call>` blocks of JSON (`chat.tool_calls` reads them), and every turn of the
assistant ends in the end marker. A turn of `weight` 0 is shown, but the loss does not count it.

Tested properties:

- the prompt at inference is the prefix of the training sequence, token for token;
- `operator_text` is the inverse of `operator_ids`, even for text that looks like a marker;
- rendering a finished conversation with TEMPLATE gives prompt + operators + markers, token for token;
- a user's text cannot produce a special token: `<|` is written `< |` in every message, and `<\u007c` inside JSON;
- the prompt of every turn of a conversation is the prefix of the whole, token for token.

`sequence` turns a sample into tokens: for training, statistics and the preview alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from pipesql.errors import ModelUnavailable
from pipesql.records import Sample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Messages = Sequence[Mapping[str, Any]]
"""Chat messages: `role`, `content`, and for tool calls `tool_calls`, `tool_call_id` and `weight`."""

START, STEP, END = "<|im_start|>", "<|im_end|>", "<|endoftext|>"

TEMPLATE = (
    "{% macro spoken(message) %}"
    "{{ (message['content'] or '') | replace('<|', '< |') | replace('\n|> ', '<|im_end|>\n|> ') }}"
    "{% for call in message['tool_calls'] or [] %}"
    "{% if message['content'] or not loop.first %}{{ '\n' }}{% endif %}"
    "{% set given = call['function']['arguments'] %}"
    "{% set given = given if given is string else given | tojson %}"
    "{{ '<tool_call>\n{\"name\": ' + (call['function']['name'] | tojson) }}"
    "{{ ', \"arguments\": ' + (given | replace('<|', '<\\\\u007c')) + '}\n</tool_call>' }}"
    "{% endfor %}"
    "{{ '<|endoftext|>' }}"
    "{% endmacro %}"
    "{% macro offered() %}"
    "{{ 'Tools:\n' }}"
    "{% for tool in tools %}{{ (tool['function'] | tojson | replace('<|', '<\\\\u007c')) + '\n' }}{% endfor %}"
    '{{ \'To call one, write\n<tool_call>\n{"name": "…", "arguments": {…}}\n</tool_call>\' }}'
    "{% endmacro %}"
    "{% if tools and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\n' + offered() + '<|im_end|>\n' }}"
    "{% endif %}"
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' and message['weight'] != 0 %}"
    "{% generation %}{{ spoken(message) }}{% endgeneration %}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ spoken(message) }}"
    "{% else %}"
    "{{ (message['content'] or '') | replace('<|', '< |') }}"
    "{% if tools and loop.first and message['role'] == 'system' %}{{ '\n\n' + offered() }}{% endif %}"
    "{{ '<|im_end|>' }}"
    "{% endif %}"
    "{% if not loop.last %}{{ '\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '\n<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML in which an assistant's text is pipe SQL, with the markers that show which tokens are the assistant's."""


@dataclass(frozen=True)
class Markers:
    """Token ids that end an operator: `step` when more operators follow, `end` when the query is complete."""

    step: int
    end: int


def markers(tokenizer: PreTrainedTokenizerBase) -> Markers:
    """The marker ids of a tokenizer. Raises ModelUnavailable if it lacks the ChatML tokens."""
    ids = {token: _token_id(tokenizer, token) for token in (START, STEP, END)}
    return Markers(step=ids[STEP], end=ids[END])


def _token_id(tokenizer: PreTrainedTokenizerBase, token: str) -> int:
    number = tokenizer.convert_tokens_to_ids(token)
    # A missing token gives the id of the unknown token, so the id is converted back.
    if not isinstance(number, int) or tokenizer.convert_ids_to_tokens(number) != token:
        raise ModelUnavailable(
            f"the tokenizer of {tokenizer.name_or_path or 'this model'} does not have the token {token}; "
            "use a model with ChatML tokens, such as smol, 0.5b, 1.5b, 3b or 7b"
        )
    return number


def prompt_ids(
    tokenizer: PreTrainedTokenizerBase, messages: Messages, tools: Sequence[Mapping[str, Any]] = ()
) -> list[int]:
    """Token ids of the conversation up to and including the assistant's next header, always by TEMPLATE."""
    return conversation(tokenizer, messages, tools).ids


@dataclass(frozen=True)
class Conversation:
    """A conversation up to and including the assistant's next header. `learnt` are the half-open ranges of the
    assistant's tokens that the loss counts: not its headers, and not turns of `weight` 0."""

    ids: list[int]
    learnt: tuple[tuple[int, int], ...] = ()


def conversation(
    tokenizer: PreTrainedTokenizerBase, messages: Messages, tools: Sequence[Mapping[str, Any]] = ()
) -> Conversation:
    """The tokens of `messages`. The assistant's text is tokenised by itself, as it was when it was generated."""
    ids: list[int] = []
    learnt: list[tuple[int, int]] = []
    done = ""
    for place, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = render(tokenizer, messages[:place], tools)
        after = render(tokenizer, messages[: place + 1], tools, ask=False)
        ids += _ids(tokenizer, before[len(done) :])
        start = len(ids)
        ids += _ids(tokenizer, after[len(before) :])
        if message.get("weight") != 0:
            learnt.append((start, len(ids)))
        done = after
    ids += _ids(tokenizer, render(tokenizer, messages, tools)[len(done) :])
    return Conversation(ids, tuple(learnt))


def render(
    tokenizer: PreTrainedTokenizerBase,
    messages: Messages,
    tools: Sequence[Mapping[str, Any]] = (),
    ask: bool = True,
) -> str:
    """The text of the messages by TEMPLATE; with `ask` it ends in the assistant's header."""
    text = tokenizer.apply_chat_template(
        [dict(message) for message in messages],
        tools=[dict(tool) for tool in tools] or None,
        chat_template=TEMPLATE,
        add_generation_prompt=ask,
        tokenize=False,
    )
    return str(text)


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def operator_ids(tokenizer: PreTrainedTokenizerBase, text: str, first: bool) -> list[int]:
    """Token ids of one operator, without its marker. `first`: it begins the assistant's turn."""
    line = text if first else "\n" + text
    return list(tokenizer(line, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def operator_text(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """The operator of these token ids, without markers; the inverse of `operator_ids`."""
    text = tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return str(text).removeprefix("\n")


@dataclass(frozen=True)
class TokenSequence:
    """The tokens of a sample, and the half-open ranges that the loss counts: at least one, the last one at the end."""

    ids: tuple[int, ...]
    learnt: tuple[tuple[int, int], ...]

    @property
    def targets(self) -> int:
        """The number of tokens that the loss counts."""
        return sum(end - start for start, end in self.learnt)


def sequence(tokenizer: PreTrainedTokenizerBase, sample: Sample) -> TokenSequence:
    """Prompt, then each target followed by its marker; `end` after the last target of a `final` sample."""
    mark = markers(tokenizer)
    prompt = conversation(tokenizer, sample.prompt, sample.tools)
    ids = list(prompt.ids)
    for number, target in enumerate(sample.targets, 1):
        ids += operator_ids(tokenizer, target, first=number == 1)
        ids.append(mark.end if sample.final and number == len(sample.targets) else mark.step)
    return TokenSequence(tuple(ids), (*prompt.learnt, (len(prompt.ids), len(ids))))


def common_prefix(sequences: Iterable[Sequence[Any]]) -> int:
    """How many leading items all sequences share: tokens, lines or operators."""
    return sum(1 for _ in takewhile(lambda items: items.count(items[0]) == len(items), zip(*sequences, strict=False)))
