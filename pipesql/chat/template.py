"""The one chat template: the same tokens in training, in decoding and in any program that loads a saved model.

A query is answered operator by operator. Each operator is ended by the step marker `<|im_end|>`, the last one by the
end marker `<|endoftext|>`, and operators after the first begin with a newline:

    <|im_start|>assistant⏎ FROM singer <|im_end|> ⏎|> WHERE Age > 20 <|im_end|> ⏎|> SELECT Name <|endoftext|>

(spaces added here for the eye). So a decoder that skips special tokens reads plain pipe SQL, one operator a line, and
a prefix of the sequence is always a whole number of operators. Four properties hold and are tested:

- the prompt at inference is the prefix of the training sequence, token for token;
- `operator_text` undoes `operator_ids`, whatever the text holds, text that looks like a marker included;
- rendering a finished conversation with TEMPLATE gives prompt + operators + markers, token for token;
- a user's text cannot make a special token: `<|` is written `< |` in every message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipesql.errors import ModelUnavailable

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

START, STEP, END = "<|im_start|>", "<|im_end|>", "<|endoftext|>"

TEMPLATE = (
    "{% for message in messages %}"
    "{% set text = message['content'] | replace('<|', '< |') %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}"
    "{{ text | replace('\n|> ', '<|im_end|>\n|> ') + '<|endoftext|>' }}"
    "{% endgeneration %}"
    "{% else %}"
    "{{ text + '<|im_end|>' }}"
    "{% endif %}"
    "{% if not loop.last %}{{ '\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '\n<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML in which an assistant's text is pipe SQL, with the markers that say which tokens are the assistant's."""


@dataclass(frozen=True)
class Markers:
    """Token ids that end an operator: `step` when more operators follow, `end` when the query is complete."""

    step: int
    end: int


def markers(tokenizer: PreTrainedTokenizerBase) -> Markers:
    """The marker ids of a tokenizer. Raises ModelUnavailable where it has no ChatML tokens."""
    ids = {token: _token_id(tokenizer, token) for token in (START, STEP, END)}
    return Markers(step=ids[STEP], end=ids[END])


def _token_id(tokenizer: PreTrainedTokenizerBase, token: str) -> int:
    number = tokenizer.convert_tokens_to_ids(token)
    # A missing token answers with the id of the unknown token, so read the id back.
    if not isinstance(number, int) or tokenizer.convert_ids_to_tokens(number) != token:
        raise ModelUnavailable(
            f"the tokenizer of {tokenizer.name_or_path or 'this model'} has no {token} token; "
            "use a model with ChatML tokens, such as smol, 0.5b, 1.5b, 3b or 7b"
        )
    return number


def prompt_ids(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Mapping[str, str]]) -> list[int]:
    """Token ids of the conversation up to and with the assistant's header; always by TEMPLATE."""
    conversation = [dict(message) for message in messages]
    text = tokenizer.apply_chat_template(
        conversation, chat_template=TEMPLATE, add_generation_prompt=True, tokenize=False
    )
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def operator_ids(tokenizer: PreTrainedTokenizerBase, text: str, first: bool) -> list[int]:
    """Token ids of one operator, without its marker. `first`: it opens the assistant's turn."""
    line = text if first else "\n" + text
    return list(tokenizer(line, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def operator_text(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """The operator that `ids` (no marker among them) stand for; the inverse of `operator_ids`."""
    text = tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return str(text).removeprefix("\n")
