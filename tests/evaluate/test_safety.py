"""What a model may write: queries without end, results without end, writes. Each ends in a verdict, nothing else."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipesql.evaluate.judge import judge_all
from pipesql.execution.connection import QueryLimits
from pipesql.records import GoldenPair, Verdict
from pipesql.storage import file_digest, read_jsonl, write_jsonl

TEN_MILLION = "FROM number AS a\n|> CROSS JOIN number AS b\n|> CROSS JOIN (FROM number |> LIMIT 10) AS c"
ENDLESS = (
    "FROM number\n|> AGGREGATE MIN(n) AS n\n|> RECURSIVE UNION ALL (FROM r |> SELECT n + 1 AS n) AS r\n"
    "|> AGGREGATE SUM(n) AS s"
)
HUGE = "FROM number AS a" + "".join(f"\n|> CROSS JOIN number AS {x}" for x in "bcdef") + "\n|> AGGREGATE COUNT(*) AS n"

CASES = {
    "a recursion without end": (ENDLESS, {"timeout"}),
    "a join of a thousand to the sixth rows": (HUGE, {"timeout"}),
    "ten million rows": (TEN_MILLION, {"execution"}),
    "a value of a gigabyte": ("FROM number\n|> SELECT zeroblob(1000000000) AS blob", {"execution"}),
    "a write behind a query": ("FROM singer\n|> SELECT name; DELETE FROM singer", {"syntax"}),
    "a write": ("DELETE FROM singer", {"syntax"}),
    "an insert": ("FROM singer\n|> INSERT INTO singer", {"unsupported"}),
    "a table made": ("FROM singer\n|> CREATE TABLE copy", {"unsupported"}),
    "an attachment": ("ATTACH DATABASE 'stolen.sqlite' AS stolen", {"syntax"}),
    "an attachment behind a query": ("FROM singer; ATTACH 'stolen.sqlite' AS stolen", {"syntax"}),
    "a pragma": ("FROM pragma_database_list", {"name"}),
    "a library": ("FROM singer\n|> SELECT load_extension('x') AS name", {"execution"}),
}


@pytest.fixture
def folder(golden, tmp_path: Path) -> Path:
    """A golden file and predictions: of each case one, and one right answer behind them."""
    pairs = [
        GoldenPair(**{**vars(golden[0]), "id": f"q{i}", "hardness": name}) for i, name in enumerate([*CASES, "right"])
    ]
    texts = [*(pipe for pipe, _ in CASES.values()), golden[0].pipe_sql]
    write_jsonl(tmp_path / "golden.jsonl", pairs)
    rows = [{"id": pair.id, "pipe_sql": text} for pair, text in zip(pairs, texts, strict=True)]
    write_jsonl(tmp_path / "predictions.jsonl", rows)
    return tmp_path


def seen(database: Path) -> tuple[str, list[str]]:
    return file_digest(database), sorted(path.name for path in database.parent.iterdir())


@pytest.mark.parametrize("workers", [1, 2])
def test_score_stops_each_within_its_limit(folder: Path, database: Path, workers: int) -> None:
    from click.testing import CliRunner

    from pipesql.cli.main import main

    before, start = seen(database), time.monotonic()
    said = CliRunner().invoke(
        main,
        [
            *("score", "--golden", str(folder / "golden.jsonl"), "--predictions", str(folder / "predictions.jsonl")),
            *("--out", str(folder / "out"), "--timeout", "1", "--workers", str(workers)),
        ],
    )
    assert said.exit_code == 0, said.output
    verdicts = {v.hardness: v for v in read_jsonl(folder / "out" / "verdicts.jsonl", Verdict)}
    for name, (_, causes) in CASES.items():
        verdict = verdicts[name]
        assert verdict.cause in causes, f"{name}: {verdict.cause}: {verdict.detail}"
        assert (verdict.correct, verdict.spider, verdict.bird, verdict.soft_f1) == (False, False, False, 0.0)
    assert verdicts["right"].correct and verdicts["right"].spider
    assert seen(database) == before and not Path("stolen.sqlite").exists()
    assert time.monotonic() - start < 15


def test_a_limit_holds_on_the_copies_too(prediction, database: Path) -> None:
    """An answer that is quick on the database, where no number is over 1000, and endless on a copy, where some are."""
    joined = "".join(f"\n|> JOIN number AS {x} ON {x}.n > 1000 AND a.n > 1000" for x in "bcdefg")
    asked = prediction(f"FROM number AS a{joined}\n|> AGGREGATE COUNT(*) AS n", "SELECT 0 AS n")
    before, start = seen(database), time.monotonic()
    (judged,) = judge_all([asked], limits=QueryLimits(timeout_s=0.3))
    assert (judged.verdict.correct, judged.verdict.spider, judged.verdict.bird) == (True, False, True)
    assert seen(database) == before and time.monotonic() - start < 5


@pytest.mark.parametrize("case", ["a recursion without end", "ten million rows", "a write behind a query"])
def test_evaluate_stops_what_a_model_writes(case: str, golden, database: Path, tmp_path: Path, monkeypatch) -> None:
    """The evaluate step's own path, with a model that has this answer to everything."""
    pytest.importorskip("torch")
    from pipesql.evaluate import model_evaluation
    from pipesql.models import resolve_model
    from pipesql.models.load import load_model, load_tokenizer
    from pipesql.records import Prediction

    pipe, causes = CASES[case]

    def obstinate(model, tokenizer, questions, config, *, on_answer, **_more) -> list[Prediction]:
        answers = [
            Prediction(q.id, q.db_id, q.database, q.question, q.gold_sql, tuple(pipe.split("\n")), "done")
            for q in questions
        ]
        for answer in answers:
            on_answer(answer)
        return answers

    monkeypatch.setattr(model_evaluation, "predict", obstinate)
    monkeypatch.setattr(
        model_evaluation, "judge_all", lambda *a, **k: judge_all(*a, **k, limits=QueryLimits(timeout_s=0.3))
    )
    before, source = seen(database), resolve_model("tiny")
    judged, _ = model_evaluation.evaluate_model(
        "tuned", load_model(source), load_tokenizer(source), golden, 2, cache=tmp_path
    )
    assert {j.verdict.cause for j in judged} <= causes
    assert seen(database) == before
