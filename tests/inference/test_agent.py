"""The agent's loop, with a scripted chat model, one that learnt its answer, and one behind a server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.overfit import overfit
from tests.support.servers.chat import Server, completion

torch = pytest.importorskip("torch")

from pipesql.assistant_tools.specs import SPECS  # noqa: E402
from pipesql.assistant_tools.toolbox import Toolbox  # noqa: E402
from pipesql.chat.prompts import schema_text, tool_messages  # noqa: E402
from pipesql.chat.template import conversation, markers, operator_ids  # noqa: E402
from pipesql.chat.tool_calls import answered, call, calling  # noqa: E402
from pipesql.errors import ModelUnavailable  # noqa: E402
from pipesql.execution.database import Database  # noqa: E402
from pipesql.inference.agent import UNANSWERED, Agent, AgentLimits  # noqa: E402
from pipesql.inference.answer import predict  # noqa: E402
from pipesql.inference.chat_model import AssistantMessage, LocalChatModel  # noqa: E402
from pipesql.inference.config import DecodingConfig  # noqa: E402
from pipesql.inference.remote import RemoteChatModel  # noqa: E402
from pipesql.models import resolve_model  # noqa: E402
from pipesql.models.load import load_model, load_tokenizer  # noqa: E402

RIGHT = "FROM singer\n|> WHERE age > 30\n|> SELECT name"
WRONG = "FROM singer\n|> WHERE agee > 30"
LOOK = '<tool_call>\n{"name": "describe_table", "arguments": {"table": "singer"}}\n</tool_call>'

COUNT = """<tool_call>
{"name": "execute_pipe_sql", "arguments": {"query": "FROM singer\\n|> LIMIT 1"}}
</tool_call>"""


class Scripted:
    """Returns the given messages, one after the other, and keeps the conversations that it was given."""

    def __init__(self, *turns: AssistantMessage | str) -> None:
        self.turns = [turn if isinstance(turn, AssistantMessage) else AssistantMessage(turn, 5) for turn in turns]
        self.told: list[list[dict[str, Any]]] = []

    def complete(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> AssistantMessage:
        self.told.append([dict(m) for m in messages])
        return self.turns.pop(0)


@pytest.fixture
def box(golden) -> Iterator[Toolbox]:
    with Toolbox(Database(golden[0].database)) as toolbox:
        yield toolbox


def test_it_looks_and_then_answers(golden, box) -> None:
    scripted = Scripted(LOOK, RIGHT)
    answer = Agent(scripted).answer(golden[0], box)
    assert (answer.operators, answer.stop, answer.tokens) == (tuple(RIGHT.split("\n")), "done", 10)
    assert [m["role"] for m in scripted.told[1]] == ["system", "user", "assistant", "tool"]
    assert "age" in scripted.told[1][-1]["content"]


def test_an_answer_that_does_not_hold_is_given_back_with_the_reason(golden, box) -> None:
    scripted = Scripted(WRONG, RIGHT)
    assert Agent(scripted).answer(golden[0], box).stop == "done"
    told = json.loads(scripted.told[1][-1]["content"])
    assert "agee" in told["error"]


def test_a_planted_failing_query_is_repaired(golden, box) -> None:
    scripted = Scripted(RIGHT)
    answer = Agent(scripted).answer(golden[0], box, first_query=WRONG)
    assert answer.stop == "done" and answer.operators == tuple(RIGHT.split("\n"))
    assert [m["role"] for m in scripted.told[0]] == ["system", "user", "assistant", "tool"]
    assert scripted.told[0][2]["weight"] == 0 and "agee" in scripted.told[0][3]["content"]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (AssistantMessage("", 1), "empty"),
        (AssistantMessage("FROM", 512, ended=False), "does not end"),
        ("<tool_call>\n{nonsense\n</tool_call>", "not JSON"),
        ("SELECT name FROM singer", "FROM"),
    ],
    ids=["empty", "endless", "malformed", "standard SQL"],
)
def test_whatever_it_says_it_is_told_what_is_wrong(golden, box, said, error: str) -> None:
    scripted = Scripted(said, RIGHT)
    assert Agent(scripted).answer(golden[0], box).stop == "done"
    assert error in scripted.told[1][-1]["content"]


def test_a_tool_that_is_not_there(golden, box) -> None:
    scripted = Scripted('<tool_call>\n{"name": "drop_table", "arguments": {}}\n</tool_call>', RIGHT)
    assert Agent(scripted).answer(golden[0], box).stop == "done"
    assert "there is no tool drop_table" in scripted.told[1][-1]["content"]


def test_limits_end_it(golden, box) -> None:
    answer = Agent(Scripted(LOOK, COUNT, LOOK), AgentLimits(turns=1)).answer(golden[0], box)
    assert (answer.stop, answer.tokens, answer.operators) == ("length", 5, ())
    answer = Agent(Scripted(*[WRONG] * 2), AgentLimits(turns=2)).answer(golden[0], box)
    assert answer.stop == "invalid" and answer.operators == tuple(WRONG.split("\n")) and "agee" in answer.detail
    answer = Agent(Scripted(LOOK), AgentLimits(seconds=-1.0)).answer(golden[0], box)
    assert answer.stop == "length" and answer.tokens == 0


def test_who_goes_round_in_circles_is_taken_at_its_last_query_that_ran(golden, box) -> None:
    failing = COUNT.replace("singer", "nobody")
    for turns, tokens in (([COUNT, COUNT], 10), ([COUNT, failing, failing], 15), ([COUNT, LOOK, COUNT], 15)):
        answer = Agent(Scripted(*turns), AgentLimits(turns=3)).answer(golden[0], box)
        assert (answer.operators, answer.stop, answer.tokens) == (("FROM singer", "|> LIMIT 1"), "done", tokens)
        assert answer.detail == UNANSWERED
    nothing = Agent(Scripted(LOOK, LOOK)).answer(golden[0], box)
    assert (nothing.operators, nothing.stop, nothing.tokens) == ((), "length", 10)


def test_who_gives_the_same_wrong_answer_again_is_not_told_the_same_again(golden, box) -> None:
    """Nothing but the turns ended it, and each of them read a longer conversation."""
    answer = Agent(Scripted(WRONG, WRONG)).answer(golden[0], box)
    assert (answer.operators, answer.stop, answer.tokens) == (tuple(WRONG.split("\n")), "invalid", 10)
    answer = Agent(Scripted(COUNT, WRONG, WRONG)).answer(golden[0], box)
    assert (answer.operators, answer.stop, answer.detail) == (("FROM singer", "|> LIMIT 1"), "done", UNANSWERED)
    other = WRONG.replace("agee", "agge")
    assert Agent(Scripted(WRONG, other, WRONG, RIGHT)).answer(golden[0], box).stop == "done"


def test_spans_hold_what_happened(golden, box) -> None:
    seen: list[tuple[str, str, Any, Any]] = []

    @contextmanager
    def span(name: str, kind: str, inputs: Mapping[str, Any]) -> Iterator[Any]:
        came: list[Any] = []
        yield came.append
        seen.append((name, kind, inputs, came[0]))

    Agent(Scripted(LOOK, WRONG, RIGHT), span=span).answer(golden[0], box)
    assert [(name, kind) for name, kind, *_ in seen] == [
        ("turn 1", "LLM"), ("describe_table", "TOOL"), ("turn 2", "LLM"), ("check the answer", "TOOL"),
        ("turn 3", "LLM"), ("check the answer", "TOOL"), ("ask", "AGENT"),
    ]  # fmt: skip
    assert "agee" in seen[3][3]["error"] and seen[-1][3]["pipe_sql"] == RIGHT


@pytest.fixture(scope="module")
def model() -> tuple[Any, Any]:
    torch.manual_seed(0)
    source = resolve_model("tiny")
    return load_model(source, device="cpu"), load_tokenizer(source)


def test_a_model_calls_reads_and_answers(golden, box, model) -> None:
    """A tiny model memorises a whole conversation, tool call, result and answer; the agent finds it again."""
    net, tokenizer = model
    asked, marks = golden[0], markers(tokenizer)
    opened = tool_messages(schema_text(box.schema), asked.question, asked.evidence)
    made = call(1, "execute_pipe_sql", query=RIGHT)
    talk = [*opened, calling([made]), answered(made, box.call("execute_pipe_sql", {"query": RIGHT}))]
    said = conversation(tokenizer, talk, SPECS)
    start, end = said.learnt[0]
    target = []
    for number, operator in enumerate(RIGHT.split("\n")):
        target += [*operator_ids(tokenizer, operator, number == 0), marks.end if number == 2 else marks.step]
    overfit(net, [(said.ids[:start], said.ids[start:end]), (said.ids, target)], below=0.1)
    (prediction,) = predict(net, tokenizer, [asked], DecodingConfig(mode="agent"))
    assert (prediction.pipe_sql, prediction.stop) == (RIGHT, "done")
    assert prediction.tokens == end - start + len(target)


def test_the_cache_of_a_conversation_changes_nothing(model, box) -> None:
    """Turn by turn, with a text in between that the model did not say, like a model that reads all anew."""
    net, tokenizer = model
    scripted, fresh = (LocalChatModel(net, tokenizer, max_tokens=12) for _ in range(2))
    talk: list[dict[str, Any]] = list(tool_messages(schema_text(box.schema), "Who?"))
    for number in range(3):
        said = scripted.complete(talk, SPECS)
        assert said == LocalChatModel(net, tokenizer, max_tokens=12).complete(talk, SPECS)
        talk += [{"role": "assistant", "content": said.text or "?"}, {"role": "user", "content": f"And {number}?"}]
    assert fresh.complete(talk, SPECS) == scripted.complete(talk, SPECS)


def test_an_endpoint_speaks(golden, box) -> None:
    replies = (completion(name="describe_table", arguments='{"table": "singer"}'), completion(RIGHT))
    with Server(*replies) as server:
        answer = Agent(RemoteChatModel(server.url, "served", key="secret")).answer(golden[0], box)
    assert answer.stop == "done" and answer.tokens == 14
    first, second = server.asked
    assert first["path"] == "/v1/chat/completions" and first["key"] == "Bearer secret"
    assert first["model"] == "served" and first["temperature"] == 0 and len(first["tools"]) == len(SPECS)
    made = second["messages"][2]["tool_calls"][0]
    assert json.loads(made["function"]["arguments"]) == {"table": "singer"}
    assert second["messages"][3]["tool_call_id"] == "x"


def test_arguments_that_are_no_json_are_told(golden, box) -> None:
    with Server(completion(name="describe_table", arguments="{singer"), completion(RIGHT)) as server:
        assert Agent(RemoteChatModel(server.url, "served")).answer(golden[0], box).stop == "done"
    assert "error" in server.asked[1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ((503, b"busy"), "answered 503: busy"),
        ((200, b"hello"), "chat completion"),
        ((200, {"choices": []}), "completion"),
    ],
)
def test_a_server_that_does_not_answer_as_it_should(reply: tuple[int, Any], sentence: str) -> None:
    with Server(reply) as server, pytest.raises(ModelUnavailable, match=sentence):
        RemoteChatModel(server.url, "served").complete([{"role": "user", "content": "?"}], ())


def test_no_server() -> None:
    with pytest.raises(ModelUnavailable, match="is the server running"):
        RemoteChatModel("http://127.0.0.1:9/v1", "served").complete([{"role": "user", "content": "?"}], ())


def test_traces_are_mlflows(golden, box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    from pipesql.tracking.evaluations import Traces
    from pipesql.tracking.runs import step_run

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    with step_run("evaluate") as run:
        for share in (1.0, 0.0):
            Agent(Scripted(LOOK, RIGHT), span=Traces(share).span).answer(golden[0], box)
    mlflow.flush_trace_async_logging()
    experiment = mlflow.get_run(run.run_id).info.experiment_id
    (trace,) = mlflow.search_traces(locations=[experiment], return_type="list")
    spans = trace.data.spans
    assert [span.name for span in spans] == ["ask", "turn 1", "describe_table", "turn 2", "check the answer"]
    assert spans[0].outputs["pipe_sql"] == RIGHT and spans[2].inputs == {"table": "singer"}
    assert {span.parent_id for span in spans[1:]} == {spans[0].span_id}
