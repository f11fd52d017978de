"""Answers that were given already, so that an evaluation that was killed goes on where it was.

One file for each model and way of asking it, `<digest>.jsonl`: a line an answer, appended as soon as the answer is
there. What an answer depends on is in the file's name (the model's fingerprint, the settings of decoding, pipesql's own
sources) and in the line's key (the prompt and the database, on which its names are checked). A line that a kill cut
short is dropped and asked again. The folder may be deleted whenever no evaluation is running.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipesql.errors import BadInput
from pipesql.execution.database import Database
from pipesql.records import GoldenPair, Prediction
from pipesql.storage import code_version, content_digest


class AnswerCache:
    """The answers of one model, asked in one way (`settings`), in a file of `folder`, which is made when needed.

    Raises BadInput where it cannot be read or written.
    """

    def __init__(self, folder: Path, model: str, settings: Mapping[str, Any]) -> None:
        asked = {"model": model, "settings": dict(settings), "code": code_version()}
        self.path = folder / f"{content_digest(asked)}.jsonl"
        self._databases: dict[str, str] = {}
        self._answers = self._read()

    def get(self, question: GoldenPair) -> Prediction | None:
        """The answer to a question, its hardness and gold as they are now; None where there is none yet."""
        answer = self._answers.get(self._key(question))
        if answer is None:
            return None
        return replace(
            Prediction(**answer),
            id=question.id,
            db_id=question.db_id,
            database=question.database,
            gold_sql=question.gold_sql,
            hardness=question.hardness,
            gold_operators=question.operators,
        )

    def add(self, question: GoldenPair, answer: Prediction) -> None:
        """Keep an answer; it is on disk when this returns. One `write` a line: a kill cuts off the last at most."""
        line = json.dumps({"key": self._key(question), "answer": asdict(answer)}, ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise BadInput(f"cannot keep answers in {self.path}: {error.strerror}; make room or give access") from error

    def _key(self, question: GoldenPair) -> str:
        """What the prompt is made of: question, evidence, and the database, whose schema and values it shows."""
        if question.database not in self._databases:
            self._databases[question.database] = Database(question.database).digest
        return content_digest([question.question, question.evidence, self._databases[question.database]])

    def _read(self) -> dict[str, dict[str, Any]]:
        """The answers by key; a last line that is cut short is taken off the file."""
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise BadInput(f"cannot read {self.path}: {error.strerror}; give access, or delete it") from error
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) < len(raw):
            os.truncate(self.path, len(whole))
        found = {}
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                row = json.loads(line)
                found[row["key"]] = {k: tuple(v) if isinstance(v, list) else v for k, v in row["answer"].items()}
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                raise BadInput(f"{self.path}, line {number}, is no answer: delete the file") from error
        return found
