"""A question in English, answered by a model: pipe SQL, the engine's SQL, the rows, and how sure the model is."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipesql.api import database_of, require
from pipesql.errors import BadInput, PipesqlError
from pipesql.execution.database import Database
from pipesql.pipe.lowering.lower import lower
from pipesql.pipe.query import text_of
from pipesql.pipe.reading.parser import parse_operators

if TYPE_CHECKING:
    from pipesql.decoding.types import Decoded
    from pipesql.inference.confidence import Confidence
    from pipesql.inference.config import DecodingConfig, Question
    from pipesql.inference.remote import RemoteChatModel

OnOperators = Callable[[Sequence[str]], None]
"""Called with the operators so far, each time that one is finished or taken back."""


@dataclass(frozen=True)
class Answer:
    """A model's answer to a question; it has rows unless `error` says why not.

    `sql` is the engine's. `probability` is that of the text (in (0, 1), None where it is not known), `share` the share
    of the votes that the answer's result won (1 without a vote), `confidence` the fitted probability that the answer is
    right (None where none was fitted). `backtracks` counts how often decoding gave a hypothesis up, `missing_mentions`
    are names in the question that the answer leaves out. `stop` is `done`, `invalid` or `length`; `detail` says more.
    """

    pipe_sql: str
    stop: str = "done"
    detail: str = ""
    probability: float | None = None
    share: float = 1.0
    backtracks: int = 0
    missing_mentions: tuple[str, ...] = ()
    confidence: float | None = None
    sql: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    error: str = ""

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators of the query, as the model wrote them."""
        return tuple(self.pipe_sql.splitlines())


class Model(ABC):
    """What answers questions. `config` is how it is asked unless a question says otherwise."""

    config: DecodingConfig

    def ask(
        self,
        database: Database | Path | str,
        question: str,
        *,
        evidence: str = "",
        config: DecodingConfig | None = None,
        on_operators: OnOperators | None = None,
        timeout_s: float | None = None,
        max_rows: int | None = None,
    ) -> Answer:
        """Answer a question about a database.

        `evidence` is what else the model should know, in a sentence. `config` says how to decode: change single fields
        by `dataclasses.replace(model.config, mode="beam")`. `on_operators` follows the operators as they are written.
        The answer runs read-only, within the limits of `pipesql.run`.

        Raises BadInput for a database that cannot be read, and ModelUnavailable where a server does not answer. An
        answer that does not run is not an error: its `error` says why.
        """
        from pipesql.inference.config import PlainQuestion

        known = database_of(database, timeout_s, max_rows)
        posed = PlainQuestion(known.location, question, evidence)
        decoded, share = self._decode(posed, config or self.config, on_operators or (lambda operators: None))
        return _finished(known, decoded, share, self._confidence(decoded, share, config))

    @abstractmethod
    def _decode(self, question: Question, config: DecodingConfig, follow: OnOperators) -> tuple[Decoded, float]:
        """The answer, and the share of the votes that it won."""

    def _confidence(self, decoded: Decoded, share: float, config: DecodingConfig | None) -> float | None:
        return None


class LocalModel(Model):
    """A model in this process, on the GPU where there is one. `confidence` is fitted on its constrained answers."""

    def __init__(
        self, model: Any, tokenizer: Any, config: DecodingConfig, confidence: Confidence | None = None
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.config = config
        self.confidence = confidence

    def _decode(self, question: Question, config: DecodingConfig, follow: OnOperators) -> tuple[Decoded, float]:
        from pipesql.inference.answer import answer

        answers: list[tuple[Decoded, float]] = []
        answer(
            self.model,
            self.tokenizer,
            [question],
            config,
            lambda index, decoded, share: answers.append((decoded, share)),
            batch=config.answers_per_question * config.beam_width,
            on_operators=lambda index, operators: follow(operators),
        )
        return answers[0]

    def _confidence(self, decoded: Decoded, share: float, config: DecodingConfig | None) -> float | None:
        if self.confidence is None or not (config or self.config).constrained:
            return None
        return self.confidence.of(decoded.logprob, share, decoded.backtracks, len(decoded.missing_mentions))


class RemoteModel(Model):
    """A model that a server offers by OpenAI's chat completions. Of `config` it heeds `layout` and `values`."""

    def __init__(self, chat_model: RemoteChatModel, config: DecodingConfig) -> None:
        self.chat_model = chat_model
        self.config = config

    def _decode(self, question: Question, config: DecodingConfig, follow: OnOperators) -> tuple[Decoded, float]:
        from pipesql.assistant_tools.grounding import matching_values
        from pipesql.chat.prompts import messages
        from pipesql.inference.remote import answer_remotely
        from pipesql.pipe.read import error_in

        database = Database(question.database)
        schema = database.schema
        values = matching_values(database, question.question, config.values)
        decoded = answer_remotely(
            self.chat_model,
            lambda so_far: messages(schema, question.question, question.evidence, so_far, values),
            lambda index, operators: error_in(operators, schema),
            one_by_one=config.layout == "steps",
        )
        return decoded, 1.0


def load(model: str = "champion", *, remote: str = "", key: str = "") -> Model:
    """A model that answers questions.

    `model` is an alias (`champion`, `challenger`) or a number of a registered version, a name of `pipesql.models`
    (`tiny`, `smol`, `0.5b` … `7b`), a model of the Hugging Face hub, or a folder; with `remote`
    (`http://127.0.0.1:8000/v1`) what a server of OpenAI's chat completions calls it. `key` is that server's; without
    one it is read from OPENAI_API_KEY.

    >>> answer = pipesql.load("tiny").ask("music.sqlite", "Who is over 30?")  # random weights, for tests
    >>> answer.operators[0].split()[:2]
    ['FROM', 'singer']

    Raises BadInput where the packages of `pipesql[train]` are missing or no such model is registered, NoSuchRun for an
    unknown version, and ModelUnavailable where weights cannot be had.
    """
    if remote:
        require("train", "asking a server", "torch", "requests")
        from pipesql.inference.config import DecodingConfig
        from pipesql.inference.remote import RemoteChatModel

        return RemoteModel(
            RemoteChatModel(remote, model, key or os.environ.get("OPENAI_API_KEY", "")), DecodingConfig()
        )
    require("train", "asking a model", "torch", "transformers", "mlflow", "llguidance")
    from pipesql.inference.confidence import Confidence
    from pipesql.inference.config import DecodingConfig
    from pipesql.models.load import choose_device, compute_dtype
    from pipesql.tracking import tags as names

    loaded, tokenizer, tags = _components(model)
    shape = names.prompts(tags)
    config = DecodingConfig(shape.layout, shape.values, shape.keys, constrained=shape.layout != "steps")
    device = choose_device()
    loaded.to(device=device, dtype=compute_dtype(device, config.precision))
    fitted = tags.get(names.CONFIDENCE)
    return LocalModel(loaded, tokenizer, config, Confidence.read(fitted) if fitted else None)


def _components(model: str) -> tuple[Any, Any, dict[str, str]]:
    """(model, tokenizer, the tags that say how it was trained)."""
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


def _finished(database: Database, decoded: Decoded, share: float, confidence: float | None) -> Answer:
    """The answer with its SQL and rows, or the reason why it has none."""
    pipe_sql, sql, error = text_of(decoded.operators), "", "" if decoded.stop == "done" else decoded.detail
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    if not error:
        try:
            sql = lower(parse_operators(decoded.operators), database.schema, database.dialect)
            with database.open() as connection:
                result = connection.run(sql)
            columns, rows = result.columns, tuple(result.rows)
        except PipesqlError as failure:
            error = str(failure)
    return Answer(
        pipe_sql=pipe_sql,
        stop=decoded.stop,
        detail=decoded.detail,
        probability=math.exp(decoded.logprob) if decoded.logprob else None,
        share=share,
        backtracks=decoded.backtracks,
        missing_mentions=decoded.missing_mentions,
        confidence=confidence,
        sql=sql,
        columns=columns,
        rows=rows,
        error=error,
    )
