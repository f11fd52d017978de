"""`pipesql ask`: a question in English, answered by a model operator by operator, with the rows after each."""

from __future__ import annotations

import importlib.util
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import click

from pipesql.cli.explain import Stage, aligned, last_stage, stage_text
from pipesql.errors import BadInput, PipesqlError
from pipesql.execution.database import dialect_of
from pipesql.execution.opening import open_database
from pipesql.execution.schema import read_schema
from pipesql.inference.config import Question
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.reading.parser import parse
from pipesql.tracking.evaluations import CONFIDENCE

if TYPE_CHECKING:
    from pipesql.decoding.answers import Decoded

NEEDED = ("torch", "transformers", "mlflow", "llguidance")
MOST_ROWS = 1_000
UNSURE = 0.5
"""Below this confidence, or without one below this probability of its text, an answer is called unsure."""


@dataclass
class Shown:
    """What of the answer stands on the terminal; operators that were taken back are struck by a line that says so."""

    database: str
    rows: int
    timeout: float
    operators: tuple[str, ...] = ()

    def follow(self, index: int, operators: Sequence[str]) -> None:
        """Show what is new."""
        now = tuple(operators)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(now, self.operators, strict=False)))
        if same < len(self.operators):
            gone = ", ".join(str(number) for number in range(same + 1, len(self.operators) + 1))
            click.echo(click.style(f"↩  taken back: operator {gone}\n", dim=True))
        for end in range(same + 1, len(now) + 1):
            click.echo(stage_text(self._stage(now[:end])))
        self.operators = now

    def _stage(self, operators: Sequence[str]) -> Stage:
        shown = operators[-1].removeprefix("|> ")
        try:
            with open_database(self.database, timeout_s=self.timeout, max_rows=max(self.rows, 1)) as database:
                return last_stage(operators, read_schema(self.database), database, self.rows)
        except PipesqlError as error:
            return Stage(len(operators), shown, error=str(error))


def load(model: str) -> tuple[Any, Any, dict[str, str]]:
    """(model, tokenizer, the tags that say how it was trained). `model` is an alias or a number of a registered
    version, or what `pipesql.models` resolves. Raises BadInput, NoSuchRun or ModelUnavailable."""
    from pipesql.models import resolve_model
    from pipesql.models.load import load_model, load_tokenizer
    from pipesql.tracking.registry import get_version, load_components, versions

    if model in ("champion", "challenger") or model.isdigit():
        if not versions():
            raise BadInput(f"no model is registered here, so there is no {model}: train one, or give --model a folder")
        version = get_version(model)
        return *load_components(version), version.tags
    source = resolve_model(model)
    return load_model(source), load_tokenizer(source), {}


def ask(asked: Question, model: str, how: dict[str, Any], rows: int, timeout: float, as_json: bool) -> bool:
    """Answer with a model in this process and print; False where there is no answer that runs.

    `how` are fields of `Asking`; layout and values that are not given are those that the model was trained with.
    """
    read_schema(asked.database)  # a wrong path is told before a model is loaded
    for needed in NEEDED:
        if importlib.util.find_spec(needed) is None:
            raise BadInput(f"asking a model needs the package {needed}: pip install 'pipesql[train]'")
    from pipesql.inference.answer import answer
    from pipesql.inference.confidence import Confidence
    from pipesql.inference.config import Asking
    from pipesql.models.load import choose_device, compute_dtype

    loaded, tokenizer, tags = load(model)
    trained: dict[str, Any] = {"layout": tags.get("pipesql.layout", "folded")}
    trained |= {name: int(tags.get(f"pipesql.{name}", known)) for name, known in (("values", 0), ("keys", 1))}
    asking = Asking(**{**trained, **how})
    device = choose_device()
    loaded.to(device=device, dtype=compute_dtype(device, asking.precision))
    answers: list[tuple[Decoded, float]] = []
    shown = Shown(asked.database, rows, timeout)
    answer(
        loaded,
        tokenizer,
        [asked],
        asking,
        lambda index, decoded, share: answers.append((decoded, share)),
        batch=asking.count * asking.width,
        on_operators=None if as_json else shown.follow,
    )
    decoded, share = answers[0]
    confidence = Confidence.read(tags[CONFIDENCE]) if CONFIDENCE in tags and asking.constrained else None
    sure = confidence.of(decoded.score, share, decoded.switches, len(decoded.unsaid)) if confidence else None
    return _end(asked, shown, decoded, share, sure, as_json)


def ask_endpoint(
    asked: Question, url: str, model: str, how: dict[str, Any], rows: int, timeout: float, as_json: bool
) -> bool:
    """The same with a model that is served at `url`; its key is in OPENAI_API_KEY, if it wants one."""
    schema = read_schema(asked.database)
    if importlib.util.find_spec("torch") is None:
        raise BadInput("asking a server needs what reads its answers: pip install 'pipesql[train]'")
    from pipesql.assistant_tools.grounding import matching_values
    from pipesql.chat.prompts import messages
    from pipesql.inference.operator_check import check_operators
    from pipesql.inference.remote import Endpoint, answer_served

    values = matching_values(asked.database, asked.question, how.get("values", 0))
    shown = Shown(asked.database, rows, timeout)
    decoded = answer_served(
        Endpoint(url, model, os.environ.get("OPENAI_API_KEY", "")),
        lambda so_far: messages(schema, asked.question, asked.evidence, so_far, values),
        lambda index, operators: check_operators(schema, operators),
        one_by_one=how.get("layout") == "steps",
    )
    return _end(asked, shown, decoded, 1.0, None, as_json)


def _end(asked: Question, shown: Shown, decoded: Decoded, share: float, sure: float | None, as_json: bool) -> bool:
    if not as_json and decoded.stop == "done":
        shown.follow(0, decoded.operators)  # a vote may have chosen another answer than the one that was shown
    return _print(asked, decoded, share, sure, shown.timeout, as_json)


def _print(asked: Question, decoded: Decoded, share: float, sure: float | None, timeout: float, as_json: bool) -> bool:
    """The end: pipe SQL, engine SQL, result, and how sure the model is."""
    facts: dict[str, Any] = {
        "pipe_sql": "\n".join(decoded.operators),
        "stop": decoded.stop,
        "detail": decoded.detail,
        "probability": math.exp(decoded.score) if decoded.score else None,
        "share": share,
        "switches": decoded.switches,
        "unsaid": decoded.unsaid,
        "confidence": sure,
    }
    error = "" if decoded.stop == "done" else decoded.detail
    if not error:
        try:
            facts["sql"] = lower(parse(facts["pipe_sql"]), read_schema(asked.database), dialect_of(asked.database))
            with open_database(asked.database, timeout_s=timeout, max_rows=MOST_ROWS) as database:
                result = database.run(facts["sql"])
            facts |= {"columns": result.columns, "rows": result.rows}
        except PipesqlError as failure:
            error = str(failure)
    if as_json:
        click.echo(json.dumps({**facts, "error": error}, ensure_ascii=False, default=repr))
        return not error
    click.echo(click.style("pipe SQL", bold=True) + f"\n{facts['pipe_sql']}\n")
    if error:
        click.echo(click.style("no answer", fg="red", bold=True) + f": {error}")
        return False
    click.echo(click.style(f"SQL for {dialect_of(asked.database)}", bold=True) + f"\n{facts['sql']}\n")
    click.echo(click.style("result", bold=True))
    for line in aligned(facts["columns"], facts["rows"]):
        click.echo(line)
    click.echo(f"\n{_doubts(decoded, share, sure, facts['rows'])}")
    return True


def _doubts(decoded: Decoded, share: float, sure: float | None, rows: Sequence[Any]) -> str:
    """A sentence on how much to trust the answer; `sure` is the fitted confidence, where the model has one."""
    probability = math.exp(decoded.score) if decoded.score else None
    reasons = []
    if not rows:
        reasons.append("it has no rows")
    if decoded.detail:
        reasons.append(decoded.detail)
    if decoded.switches:
        reasons.append(f"the model went another way {decoded.switches} times")
    if decoded.unsaid:
        reasons.append(f"the question speaks of {', '.join(decoded.unsaid)}, the answer does not")
    if share < UNSURE:
        reasons.append(f"other answers have {1 - share:.0%} of the vote")
    if sure is None and probability is not None and probability < UNSURE:
        reasons.append(f"the model gives this text a probability of {probability:.1%}")
    if sure is None and probability is None:
        said = "how sure the model is, is not known"
    elif sure is None:
        said = f"the model gives this text a probability of {probability:.0%}"
    else:
        said = f"of such answers {sure:.0%} were right on databases that the model did not know"
    if sure is not None and sure < UNSURE:
        reasons.insert(0, said)
    elif sure is not None:
        reasons = []
    return click.style("unsure", fg="yellow", bold=True) + ": " + "; ".join(reasons) if reasons else said
