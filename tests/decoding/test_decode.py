"""Decoding in batches over one cache gives what reading everything again for each token gives."""

from __future__ import annotations

import random
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from pipesql.chat.template import START, markers, prompt_ids  # noqa: E402
from pipesql.decoding.decode import decode, read_answer  # noqa: E402
from pipesql.decoding.kv_cache import shared_lengths  # noqa: E402
from pipesql.decoding.types import Decoded, DecodeLimits  # noqa: E402
from pipesql.errors import BadInput  # noqa: E402

LIMITS = DecodeLimits(operator_tokens=24, operators=4)


def accept(index: int, operators: Sequence[str]) -> str | None:
    return None


def chat(schema: str, question: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": "Pipe SQL."}, {"role": "user", "content": f"{schema}\n\n{question}"}]


@pytest.fixture(scope="module")
def prompts(byte_tokenizer) -> list[list[int]]:
    """Questions over two schemas (long shared beginnings), and some that share nothing, of mixed lengths."""
    rng = random.Random(5)
    schemas = ["singer: id int key, name, age int", "stadium: id int key, place, seats int, opened date"]
    words = ["How many", "List", "oldest", "names", "per year?", "of all", "in Rome", "big ones"]
    texts = [
        prompt_ids(byte_tokenizer, chat(rng.choice(schemas), " ".join(rng.choices(words, k=rng.randint(1, 6)))))
        for _ in range(14)
    ]
    return texts + [[rng.randrange(200) for _ in range(rng.randint(1, 40))] for _ in range(5)]


def read_again_for_each_token(model, tokenizer, prompt: list[int], limits: DecodeLimits) -> Decoded:
    """The definition, without cache, batch or padding: everything is read, split and counted again for each token."""
    marks, start = markers(tokenizer), tokenizer.convert_tokens_to_ids(START)
    made: list[int] = []
    while True:
        with torch.inference_mode():
            made.append(int(model(input_ids=torch.tensor([prompt + made])).logits[0, -1].argmax()))
        over = made[-1] in (marks.end, start)
        complete, unfinished, begun = operators_in(tokenizer, [*made[:-1], marks.step] if over else made)
        if over:
            return Decoded(complete, "done" if complete else "invalid", "", len(made))
        if len(complete) == limits.operators:
            return Decoded(complete, "length", "", len(made))
        if len(made) - begun == limits.operator_tokens:
            return Decoded(complete + unfinished, "length", "", len(made))


def operators_in(tokenizer, made: list[int]) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Finished operators, the unfinished one if it has begun, and how many tokens the finished ones took."""
    step, finished, begun = markers(tokenizer).step, [], 0
    line: list[int] = []
    for number, token in enumerate(made, 1):
        if token != step and tokenizer.decode([token]) != "\n":  # every token is one byte
            line.append(token)
        elif text := tokenizer.decode(line).strip():
            finished.append(text)
            line, begun = [], number
    unfinished = tokenizer.decode(line).lstrip()
    return tuple(finished), (unfinished,) if unfinished else (), begun


def outcome(decoded: Decoded) -> tuple[tuple[str, ...], str, int]:
    return decoded.operators, decoded.stop, decoded.tokens


def test_cached_and_batched_equals_reading_again_token_for_token(byte_model, byte_tokenizer, prompts) -> None:
    expected = [outcome(read_again_for_each_token(byte_model, byte_tokenizer, p, LIMITS)) for p in prompts]
    assert {stop for _, stop, _ in expected} >= {"done", "length"}, "the model must show both ways to stop"
    assert max(len(operators) for operators, _, _ in expected) > 2
    for batch in (1, 3, 8, 32):
        got = decode(byte_model, byte_tokenizer, prompts, accept, limits=LIMITS, batch=batch)
        assert [outcome(d) for d in got] == expected, f"batch {batch}"


def test_an_error_of_the_check_ends_that_row_alone(byte_model, byte_tokenizer, prompts) -> None:
    plain = decode(byte_model, byte_tokenizer, prompts, accept, limits=LIMITS)
    victim = next(i for i, d in enumerate(plain) if len(d.operators) > 2)
    seen: list[tuple[int, int]] = []

    def check(index: int, operators: Sequence[str]) -> str | None:
        seen.append((index, len(operators)))
        return "no such column: agee" if index == victim and len(operators) == 2 else None

    got = decode(byte_model, byte_tokenizer, prompts, check, limits=LIMITS)
    assert (got[victim].stop, got[victim].detail) == ("invalid", "no such column: agee")
    assert got[victim].operators == plain[victim].operators[:2]
    assert [d for i, d in enumerate(got) if i != victim] == [d for i, d in enumerate(plain) if i != victim]
    assert [n for i, n in seen if i == victim] == [1, 2], "checked at every operator, and never after the error"


class Reciter(torch.nn.Module):
    """Says a text, whatever it is asked: for the rules of reading."""

    def __init__(self, tokenizer, text: str, prompt: int) -> None:
        super().__init__()
        self.ids, self.prompt, self.size = tokenizer(text)["input_ids"], prompt, len(tokenizer)
        self.device = torch.device("cpu")

    def forward(self, attention_mask, **_):
        said = int(attention_mask.sum()) - self.prompt
        logits = torch.nn.functional.one_hot(torch.tensor(self.ids[said % len(self.ids)]), self.size)
        return SimpleNamespace(logits=logits[None, None].float())


@pytest.mark.parametrize(
    ("said", "operators", "stop"),
    [
        ("FROM a<|im_end|>\n|> SELECT b<|endoftext|>", ("FROM a", "|> SELECT b"), "done"),
        ("FROM a\n|> SELECT b\n|> LIMIT 1<|endoftext|>", ("FROM a", "|> SELECT b", "|> LIMIT 1"), "done"),
        ("\n\nFROM a\n\n|> SELECT b\n<|im_end|>\n<|im_start|>user", ("FROM a", "|> SELECT b"), "done"),
        ("FROM a<|im_end|><|im_end|>\n<|endoftext|>", ("FROM a",), "done"),
        ("FROM a\n  |> SELECT é <|endoftext|>", ("FROM a", "|> SELECT é"), "done"),
        ("Sure, here it is:\n\nFROM a<|endoftext|>", ("Sure, here it is:",), "invalid"),
        ("FROM a\n```<|endoftext|>", ("FROM a", "```"), "invalid"),
        (" \n<|endoftext|>", (), "invalid"),
        ("<|im_end|>", (), "length"),
        (
            "FROM a<|im_end|>|> SELECT b and so on and on, for ever and a day",
            ("FROM a", "|> SELECT b and so on an"),
            "length",
        ),
        (
            "FROM a<|im_end|>|> AS a<|im_end|>|> AS b<|im_end|>|> AS c<|im_end|>",
            ("FROM a", "|> AS a", "|> AS b", "|> AS c"),
            "length",
        ),
    ],
)
def test_where_operators_and_answers_end(byte_tokenizer, said: str, operators: tuple[str, ...], stop: str) -> None:
    def pipes(index: int, so_far: Sequence[str]) -> str | None:
        return None if so_far[-1].startswith("FROM" if len(so_far) == 1 else "|>") else "no operator"

    (got,) = decode(Reciter(byte_tokenizer, said, prompt=2), byte_tokenizer, [[1, 2]], pipes, limits=LIMITS)
    assert (got.operators, got.stop) == (operators, stop)
    assert bool(got.detail) == (stop != "done")


@pytest.mark.parametrize(
    ("said", "operators", "stop"),
    [
        ("FROM a<|im_end|>\n|> SELECT b<|endoftext|>", ("FROM a", "|> SELECT b"), "done"),
        ("FROM a<|im_end|>\n|> SELECT b<|endoftext|>and what follows", ("FROM a", "|> SELECT b"), "done"),
        ("FROM a\n|> SELECT b<|im_end|>\n<|im_start|>user", ("FROM a", "|> SELECT b"), "done"),
        ("Sure:\nFROM a<|endoftext|>", ("Sure:", "FROM a"), "done"),  # nothing is checked
        ("FROM a<|im_end|>\n|> SEL", ("FROM a", "|> SEL"), "length"),
        ("FROM a<|im_end|>", ("FROM a",), "length"),
        ("<|endoftext|>", (), "invalid"),
        ("", (), "length"),
    ],
)
def test_an_answer_already_generated_is_read_by_the_same_rule(byte_tokenizer, said, operators, stop) -> None:
    got = read_answer(byte_tokenizer, byte_tokenizer(said)["input_ids"], LIMITS)
    assert (got.operators, got.stop) == (operators, stop)
    if stop != "length":
        (decoded,) = decode(Reciter(byte_tokenizer, said, prompt=2), byte_tokenizer, [[1, 2]], accept, limits=LIMITS)
        assert decoded == got


def test_answers_are_reported_once_each_as_they_come(byte_model, byte_tokenizer, prompts) -> None:
    reported: dict[int, Decoded] = {}
    got = decode(byte_model, byte_tokenizer, prompts, accept, limits=LIMITS, batch=4, on_answer=reported.__setitem__)
    assert [reported[i] for i in range(len(prompts))] == got


def test_limits_say_what_was_too_long(byte_model, byte_tokenizer, prompts) -> None:
    got = decode(byte_model, byte_tokenizer, prompts, accept, limits=DecodeLimits(operator_tokens=3, operators=1))
    details = {d.detail for d in got if d.stop == "length"}
    assert details == {"an operator does not end within 3 tokens", "the query does not end after 1 operators"}
    assert all(len(d.operators) <= 1 for d in got)


def test_no_prompts_give_no_answers(byte_model, byte_tokenizer) -> None:
    assert decode(byte_model, byte_tokenizer, [], accept) == []


def test_empty_prompts_and_batches_are_refused(byte_model, byte_tokenizer) -> None:
    with pytest.raises(BadInput, match="prompt 1 is empty"):
        decode(byte_model, byte_tokenizer, [[1], []], accept)
    with pytest.raises(BadInput, match="batch is 0"):
        decode(byte_model, byte_tokenizer, [[1]], accept, batch=0)


def test_shared_lengths_group_prompts_that_begin_alike() -> None:
    prompts = [[1, 2, 3, 4, 9], [7, 7], [1, 2, 3, 4], [1, 2, 3, 5, 6], [7, 8, 9, 9]]
    order, lengths = shared_lengths(prompts)
    assert sorted(order) == list(range(5))
    assert lengths == [3, 0, 3, 3, 0]
    assert shared_lengths([[5, 5, 5], [5, 5, 5]])[1] == [2, 2], "a token is left to read even for equal prompts"
