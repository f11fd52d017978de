"""Answers that were already given, so that an evaluation that was killed resumes where it stopped.

One file for each model and decoding config, `<digest>.jsonl`: one line per answer, appended as soon as it exists. What
an answer depends on is in the file's name (the model's fingerprint, the settings of decoding, pipesql's own sources)
and in the line's key (the prompt and the database, on which its names are checked). A line that a kill cut short is
dropped and the question asked again. The folder may be deleted whenever no evaluation is running.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipesql.errors import InvalidFile, StorageError
from pipesql.execution.database import Database
from pipesql.records import GoldenPair, Prediction
from pipesql.storage import code_version, content_digest, read_record


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
