"""Predictions that were made elsewhere and submitted as a file: JSON Lines of `id` and `pipe_sql`."""

from __future__ import annotations

from pathlib import Path

from pipesql.errors import InvalidFile, SqlError
from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.reading.parser import parse
from pipesql.records import GoldenPair, Prediction
from pipesql.storage import read_json_lines

_NO_ANSWER = "no prediction was submitted for this question"


def read_predictions(path: Path, pairs: list[GoldenPair], *, partial: bool = False) -> list[Prediction]:
    """A prediction for each of `pairs`, in their order. Other keys in the file are ignored.

    A pair without a line counts as a wrong answer (`stop` is `missing`), or with `partial` is left out. Raises
    InvalidFile where a line is not a prediction, its id is not one of the pairs, or its id stands there twice.
    """
    ids = {pair.id for pair in pairs}
    texts: dict[str, str] = {}
    for number, row in read_json_lines(path):
        name, text = row.get("id"), row.get("pipe_sql")
        if not isinstance(name, str) or not isinstance(text, str):
            raise InvalidFile(f"{path}, line {number}: not a prediction; it needs the texts `id` and `pipe_sql`")
        if name not in ids:
            raise InvalidFile(
                f"{path}, line {number}: question id {name!r} is not in this golden.jsonl; pass the file these "
                "predictions were made for"
            )
        if name in texts:
            raise InvalidFile(f"{path}, line {number}: {name!r} is answered twice; submit one answer per question")
        texts[name] = text
    if not texts:
        raise InvalidFile(f"{path} holds no predictions; write one JSON object with `id` and `pipe_sql` per line")
    return [_prediction(pair, texts.get(pair.id)) for pair in pairs if pair.id in texts or not partial]


def _prediction(pair: GoldenPair, text: str | None) -> Prediction:
    return Prediction(
        id=pair.id,
        db_id=pair.db_id,
        database=pair.database,
        question=pair.question,
        gold_sql=pair.gold_sql,
        operators=_operators(text or ""),
        stop="missing" if text is None else "done",
        detail=_NO_ANSWER if text is None else "",
        hardness=pair.hardness,
        gold_operators=pair.operators,
    )


def _operators(text: str) -> tuple[str, ...]:
    """The operators as written where each has a line of its own, else in canonical form.

    Text that is not pipe SQL stays as it is, line by line.
    """
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    try:
        canonical = print_operators(parse(text))
    except SqlError:
        return lines
    return lines if len(lines) == len(canonical) else tuple(canonical)
