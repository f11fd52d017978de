"""Questions through the tiny model: nonsense, but every stage is real."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.overfit import overfit

torch = pytest.importorskip("torch")

from pipesql.chat.prompts import messages  # noqa: E402
from pipesql.chat.template import markers, operator_ids, prompt_ids  # noqa: E402
from pipesql.decoding.types import DecodeLimits  # noqa: E402
from pipesql.evaluate.judge import judge_strictly  # noqa: E402
from pipesql.execution.database import Database  # noqa: E402
from pipesql.inference.answer import predict  # noqa: E402
from pipesql.inference.config import DecodingConfig  # noqa: E402
from pipesql.models import resolve_model  # noqa: E402
from pipesql.models.load import load_model, load_tokenizer  # noqa: E402


def test_an_untrained_model_gives_invalid_answers(golden) -> None:
    source = resolve_model("tiny")
    seen = []
    predictions = predict(
        load_model(source, device="cpu"),
        load_tokenizer(source),
        golden,
        DecodingConfig(limits=DecodeLimits(operator_tokens=8)),
        on_answer=seen.append,
    )
    assert [p.id for p in predictions] == ["q0", "q1", "q2"]
    assert sorted(seen, key=lambda p: p.id) == predictions
    assert {p.stop for p in predictions} <= {"invalid", "length"}
    assert all(p.tokens > 0 and p.detail for p in predictions)
    assert not any(v.valid for v in judge_strictly(predictions))


def test_what_a_model_learnt_is_read_back_and_judged_right(golden) -> None:
    """The tiny model memorises three answers; a wrong name among them ends that answer where it stands."""
    source = resolve_model("tiny")
    torch.manual_seed(0)
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    answers = [
        golden[0].operators,
        ("FROM singer", "|> WHERE agee > 30", "|> SELECT name"),
        ("FROM singer", "|> WHERE age < 30", "|> SELECT name"),
    ]
    schema, marks = Database(golden[0].database).schema, markers(tokenizer)
    batch = []
    for question, operators in zip(golden, answers, strict=True):
        prompt = prompt_ids(tokenizer, messages(schema, question.question))
        target = []
        for i, text in enumerate(operators):
            target += [*operator_ids(tokenizer, text, first=i == 0), marks.step if i < 2 else marks.end]
        batch.append((prompt, target))
    overfit(model, batch)
    predictions = predict(model, tokenizer, golden)
    assert [p.stop for p in predictions] == ["done", "invalid", "done"]
    assert predictions[0].operators == golden[0].operators
    assert predictions[1].operators == answers[1][:2] and "agee" in predictions[1].detail
    assert [v.cause for v in judge_strictly(predictions)] == ["", "name", "rows"]


def test_a_model_of_the_steps_layout_is_asked_for_one_operator_at_a_time(golden) -> None:
    """What a prompt per operator taught is found again only by such prompts; a name that does not exist ends it."""
    source = resolve_model("tiny")
    torch.manual_seed(0)
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    answers = [golden[0].operators, ("FROM singer", "|> WHERE agee > 30", "|> SELECT name")]
    schema, marks = Database(golden[0].database).schema, markers(tokenizer)
    batch = []
    for question, operators in zip(golden, answers, strict=False):
        for i, text in enumerate(operators):
            prompt = prompt_ids(tokenizer, messages(schema, question.question, query_so_far=operators[:i]))
            mark = marks.end if i == len(operators) - 1 else marks.step
            batch.append((prompt, [*operator_ids(tokenizer, text, first=True), mark]))
    overfit(model, batch)
    predictions = predict(model, tokenizer, golden[:2], DecodingConfig("steps"))
    assert predictions[0].operators == golden[0].operators and predictions[0].stop == "done"
    assert predictions[0].tokens == sum(len(target) for _, target in batch[: len(golden[0].operators)])
    assert predictions[1].stop == "invalid" and predictions[1].operators == answers[1][:2]
    assert (
        predict(model, tokenizer, golden[:1], DecodingConfig("steps", limits=DecodeLimits(operators=2)))[0].stop
        == "length"
    )


@pytest.mark.parametrize(
    "config",
    [
        DecodingConfig(constrained=True, check="names"),
        DecodingConfig(constrained=True),
        DecodingConfig(mode="vote", constrained=True, samples=3, temperature=1.0),
        DecodingConfig(mode="beam", constrained=True, beams=2),
    ],
    ids=["names", "rows", "vote", "beam"],
)
def test_under_the_constraint_even_an_untrained_model_writes_what_runs(golden, config: DecodingConfig) -> None:
    pytest.importorskip("llguidance")
    source = resolve_model("tiny")
    torch.manual_seed(0)
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    config = replace(config, limits=DecodeLimits(operator_tokens=24, operators=3))
    seen = []
    predictions = predict(model, tokenizer, golden, config, batch=4, on_answer=seen.append)
    assert [p.id for p in predictions] == ["q0", "q1", "q2"]
    assert sorted(seen, key=lambda p: p.id) == predictions
    assert all(p.logprob < 0 and 0 <= p.share <= 1 for p in predictions)
    assert {v.cause for v, p in zip(judge_strictly(predictions), predictions, strict=True) if p.stop == "done"} <= {
        "",
        "rows",
    }
    again = predict(model, tokenizer, golden, config, batch=2)
    assert [p.operators for p in again] == [p.operators for p in predictions]
