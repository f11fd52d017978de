"""The evaluation of one model: its answers to questions, judged, with its progress and figures of its speed.

`evaluate_model` is for a finished model; `accuracy_on` measures one in training, so that the best checkpoint can be
chosen by execution accuracy.

Answers are kept, so that an evaluation that was killed resumes where it stopped: one file for each model and decoding
config, `<digest>.jsonl`, with one line per answer, appended as soon as it exists. What an answer depends on is in the
file's name (the model's fingerprint, the settings of decoding, pipesql's own sources) and in the line's key (the prompt
and the database, on which its names are checked). A line that a kill cut short is dropped and the question asked again.
The folder may be deleted whenever no evaluation is running.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipesql.errors import InvalidFile, StorageError
from pipesql.evaluate.judge import Judged, judge_all, judge_strictly
from pipesql.evaluate.questions import prompt_shape
from pipesql.execution.database import Database
from pipesql.inference.answer import predict
from pipesql.inference.config import DecodingConfig
from pipesql.models.folder import fingerprint
from pipesql.models.load import choose_device, compute_dtype
from pipesql.progress import Progress
from pipesql.records import GoldenPair, Prediction
from pipesql.storage import code_version, content_digest, read_jsonl, read_record

if TYPE_CHECKING:
    from pipesql.inference.agent import Span


def evaluate_model(
    name: str,
    model: Any,
    tokenizer: Any,
    questions: Sequence[GoldenPair],
    batch: int,
    config: DecodingConfig | None = None,
    *,
    cache: Path | None = None,
    golds: Mapping[str, Sequence[str]] | None = None,
    span: Span | None = None,
) -> tuple[list[Judged], dict[str, float]]:
    """Answer and judge all questions with a model, moved to the best device of this machine first.

    Baseline and candidate get the same `config`, with the layout that the candidate was trained in. Answers of this
    model in the folder `cache` are used, and new ones added to it. `golds` are the gold queries of each database
    whose values are seeded into its copies (`judge_all`). `span` records what an agent does.

    Returns the answers in the order of the questions, and metrics: `name/seconds` (answering and judging),
    `name/from_cache` (answers from the cache), `name/tokens_per_answer`, and for new answers
    `name/answers_per_second` and `name/tokens_per_second` (generated tokens).
    """
    how, device = config or DecodingConfig(), choose_device()
    model.to(device=device, dtype=compute_dtype(device, how.precision))
    start = time.monotonic()
    kept = AnswerCache(cache, fingerprint(model, tokenizer), how.settings()) if cache else None
    answers = {q.id: found for q in questions if kept and (found := kept.get(q))}
    missing = {q.id: q for q in questions if q.id not in answers}
    began = time.monotonic()
    with Progress(f"{name} answers", len(missing), "questions") as progress:

        def take(answer: Prediction) -> None:
            if kept:
                kept.add(missing[answer.id], answer)
            progress.update()

        new = predict(model, tokenizer, list(missing.values()), how, batch=batch, on_answer=take, span=span)
    answering = max(time.monotonic() - began, 1e-9)
    from_cache = len(answers)
    answers |= {answer.id: answer for answer in new}
    predictions = [answers[q.id] for q in questions]
    with Progress(f"{name} verdicts", len(predictions), "answers") as progress:
        judged = judge_all(predictions, golds, on_judged=progress.update)
    metrics = {
        f"{name}/seconds": time.monotonic() - start,
        f"{name}/from_cache": from_cache,
        f"{name}/tokens_per_answer": sum(p.tokens for p in predictions) / max(len(predictions), 1),
    }
    if new:
        metrics[f"{name}/answers_per_second"] = len(new) / answering
        metrics[f"{name}/tokens_per_second"] = sum(p.tokens for p in new) / answering
    return judged, metrics


class AnswerCache:
    """The answers of one model under one decoding config (its `settings`), in a file of `folder`, which is made when
    needed.

    Raises InvalidFile where the file cannot be read, and StorageError where it cannot be written.
    """

    def __init__(self, folder: Path, model: str, settings: Mapping[str, Any]) -> None:
        made_by = {"model": model, "settings": dict(settings), "code": code_version()}
        self.path = folder / f"{content_digest(made_by)}.jsonl"
        self._databases: dict[str, str] = {}
        self._answers = self._read()

    def get(self, question: GoldenPair) -> Prediction | None:
        """The answer to a question, with its present hardness and gold; None where there is none yet."""
        answer = self._answers.get(self._key(question))
        if answer is None:
            return None
        return replace(
            answer,
            id=question.id,
            db_id=question.db_id,
            database=question.database,
            gold_sql=question.gold_sql,
            hardness=question.hardness,
            gold_operators=question.operators,
        )

    def add(self, question: GoldenPair, answer: Prediction) -> None:
        """Keep an answer; it is on disk when this returns. One `write` per line: a kill cuts off the last at most."""
        line = json.dumps({"key": self._key(question), "answer": asdict(answer)}, ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StorageError(
                f"cannot write answers to {self.path}: {error.strerror}; free space there or make it writable"
            ) from error

    def _key(self, question: GoldenPair) -> str:
        """What the prompt is made from: question, evidence, and the database, whose schema and values it shows."""
        if question.database not in self._databases:
            self._databases[question.database] = Database(question.database).digest
        return content_digest([question.question, question.evidence, self._databases[question.database]])

    def _read(self) -> dict[str, Prediction]:
        """The answers by key; a last line that was cut short is removed from the file."""
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InvalidFile(f"cannot read {self.path}: {error.strerror}; make it readable, or delete it") from error
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) < len(raw):
            os.truncate(self.path, len(whole))
        found = {}
        for number, line in enumerate(whole.splitlines(), 1):
            where = f"{self.path}, line {number}"
            try:
                row = json.loads(line)
                found[row["key"]] = read_record(row["answer"], Prediction, where)
            except (ValueError, KeyError, AttributeError, TypeError, InvalidFile) as error:
                raise InvalidFile(f"{where}: not an answer of a model; delete the file") from error
        return found


def accuracy_on(folder: Path, batch: int = 16) -> Callable[[Any, Any, Sequence[str], str], float]:
    """(model, tokenizer, ids of golden pairs, layout) → the share of these pairs of a data folder answered rightly.

    Decoding is greedy, in the layout that the model is trained in; the model is left in the mode in which it came.
    Raises InvalidFile where the folder has none of these pairs.
    """
    pairs = {pair.id: pair for pair in read_jsonl(folder / "golden.jsonl", GoldenPair)}
    shape = prompt_shape(folder)

    def measure(model: Any, tokenizer: Any, ids: Sequence[str], layout: str) -> float:
        questions = [pairs[name] for name in ids if name in pairs]
        if not questions:
            raise InvalidFile(f"{folder}/golden.jsonl has none of the questions to choose a checkpoint by: select loss")
        training = model.training
        model.eval()
        try:
            config = DecodingConfig(layout, shape.values, shape.keys)
            verdicts = judge_strictly(predict(model, tokenizer, questions, config, batch=batch))
        finally:
            model.train(training)
        return sum(verdict.correct for verdict in verdicts) / len(verdicts)

    return measure
