"""Predictions that were made elsewhere and are handed in as a file: JSON Lines of `id` and `pipe_sql`."""

from __future__ import annotations

from pathlib import Path

from pipesql.errors import BadInput, SqlError
from pipesql.pipe.printing.printer import print_operators
from pipesql.pipe.reading.parser import parse
from pipesql.records import GoldenPair, Prediction
from pipesql.storage import read_json_lines

_NO_ANSWER = "no prediction was handed in for this question"


def read_predictions(path: Path, pairs: list[GoldenPair], *, partial: bool = False) -> list[Prediction]:
    """A prediction for each of `pairs`, in their order. Further keys in the file are not read.

    A pair without a line counts as a wrong answer (`stop` is `missing`), or with `partial` is left out. Raises BadInput
    where a line is no prediction, answers a question that is none of the pairs, or answers one a second time.
    """
    asked = {pair.id for pair in pairs}
    texts: dict[str, str] = {}
    for number, row in read_json_lines(path):
        name, text = row.get("id"), row.get("pipe_sql")
        if not isinstance(name, str) or not isinstance(text, str):
            raise BadInput(f"{path}, line {number}: not a prediction; it needs the texts `id` and `pipe_sql`")
        if name not in asked:
            raise BadInput(f"{path}, line {number}: {name!r} is no question of these; give the golden.jsonl it is from")
        if name in texts:
            raise BadInput(f"{path}, line {number}: {name!r} is answered a second time; hand in one answer a question")
        texts[name] = text
    if not texts:
        raise BadInput(f"{path} holds no predictions; write one JSON object with `id` and `pipe_sql` a line")
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
    """The operators as they are written where each has a line of its own, else in canonical form.

    Text that is no pipe SQL stays as it is, line by line.
    """
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    try:
        canonical = print_operators(parse(text))
    except SqlError:
        return lines
    return lines if len(lines) == len(canonical) else tuple(canonical)
