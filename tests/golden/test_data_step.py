"""The step itself: what it writes and logs, and that bad input ends in one sentence with nothing half-written."""

import json
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from steps.data import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture
def project(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def run(*options: str) -> Result:
    return CliRunner().invoke(main, list(options))


def spider(folder: Path) -> Path:
    for db_id in ("one", "two"):
        path = folder / "database" / db_id / f"{db_id}.sqlite"
        path.parent.mkdir(parents=True)
        with closing(sqlite3.connect(path)) as db:
            db.executescript(
                f"CREATE TABLE {db_id} (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO {db_id}(a) VALUES ('x')"
            )
    for name, db_id in (("train_spider", "one"), ("train_others", "one"), ("dev", "two")):
        rows = [
            {"db_id": db_id, "question": f"Which a of {name}?", "query": f"SELECT a FROM {db_id} WHERE id > 0"},
            {"db_id": db_id, "question": f"Count {name}.", "query": f"SELECT COUNT(*) FROM {db_id}"},
            {"db_id": db_id, "question": f"Nothing in {name}?", "query": "SELECT nothing"},
        ]
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_folder_whole_with_manifest_samples_and_report_and_a_run_that_tells(project: Path) -> None:
    from pipesql.tracking.runs import latest_run

    folder = spider(project / "spider")
    result = run("--benchmark", "spider", "--benchmark_dir", "spider", "--layout", "steps", "--seed", "5")
    assert result.exit_code == 0, result.output
    assert "66.67%" not in result.output and "100.00%" in result.output and "gold_error" in result.output
    (output,) = (project / "output" / "data").iterdir()
    manifest = json.loads((output / "manifest.json").read_text())
    counts = {"questions": 9, "gold_executes": 6, "decidable": 6, "golden": 6, "rejected": 3}
    assert manifest["counts"] == counts | {"share": 1.0, "share_decidable": 1.0}
    assert manifest["config"]["seed"] == 5
    assert set(manifest["files"]) == {p.name for p in output.iterdir()} - {"manifest.json"}
    assert set(manifest["inputs"]["databases"]) == {f"spider/database/{d}/{d}.sqlite" for d in ("one", "two")}
    assert manifest["leaks"]["withheld_from_train"] == 0
    ref = latest_run("data", {"pipesql.benchmark": "spider"})
    assert ref is not None
    assert ref.tags["pipesql.output"] == str(output.relative_to(project))
    assert (ref.metrics["golden/pairs"], ref.metrics["rejected/gold_error:syntax"], ref.metrics["golden/share"]) == (
        6,
        3,
        1,
    )
    assert ref.metrics["samples/train"] > ref.metrics["samples/dev"] > 2
    assert ref.artifact("golden.jsonl").read_bytes() == (output / "golden.jsonl").read_bytes()
    assert "<h1>Golden pairs</h1>" in ref.artifact("report.html").read_text()
    assert not (project / "output" / ".scratch" / output.name).exists(), "the journal goes when the build is written"
    before = contents(output)
    assert (
        run(
            "--benchmark", "spider", "--benchmark_dir", "spider", "--layout", "steps", "--seed", "5", "--workers", "2"
        ).exit_code
        == 0
    )
    assert contents(output) == before, "the same input gives the same bytes, whatever the workers"
    assert contents(folder).keys() == contents(spider(project / "fresh")).keys(), "the benchmark is left alone"


def test_a_build_that_loses_a_pair_fails_by_name_and_leaves_the_good_output(project: Path) -> None:
    from pipesql.tracking.runs import latest_run

    spider(project / "spider")
    options = ("--benchmark", "spider", "--benchmark_dir", "spider")
    assert run(*options).exit_code == 0
    (good,) = (project / "output" / "data").iterdir()
    before, ref = contents(good), latest_run("data", {"pipesql.benchmark": "spider"})
    assert ref is not None
    for baseline in (str(good.relative_to(project)), ref.run_id):
        again = run(*options, "--baseline", baseline)
        assert again.exit_code == 0, again.output
        assert "6 of 6 pairs are still golden, 0 lost" in again.output
    before = contents(good)
    dev = project / "spider" / "dev.json"
    dev.write_text(dev.read_text().replace("SELECT COUNT(*) FROM two", "SELECT COUNT(*) FROM three"))
    for baseline in (str(good.relative_to(project)), ref.run_id):
        lost = run(*options, "--baseline", baseline)
        assert lost.exit_code == 1
        assert (
            "are golden no longer" in lost.stderr
            and lost.stderr.count("1 pairs of ") == 1
            and "spider-dev-1 (gold_error:name)" in lost.stderr
        )
    assert contents(good) == before
    (regressed,) = (project / "output" / "data").glob("*-regressed")
    written = json.loads((regressed / "regression.json").read_text())
    assert [(each["id"], each["changed"]) for each in written["lost"]] == [("spider-dev-1", ["gold"])]
    newest = latest_run("data", {"pipesql.benchmark": "spider"})
    assert newest is not None and newest.tags["pipesql.output"] == str(good.relative_to(project)), (
        "a failed run counts not"
    )


def no_baseline(project: Path) -> list[str]:
    spider(project / "spider")
    (project / "empty").mkdir()
    return ["--benchmark", "spider", "--benchmark_dir", "spider", "--baseline", "empty"]


def missing_folder(project: Path) -> list[str]:
    return ["--benchmark", "spider", "--benchmark_dir", "nowhere"]


def malformed_questions(project: Path) -> list[str]:
    (spider(project / "spider") / "dev.json").write_text('[\n{"db_id": \n]')
    return ["--benchmark", "spider", "--benchmark_dir", "spider"]


def missing_database(project: Path) -> list[str]:
    (spider(project / "spider") / "database" / "two" / "two.sqlite").unlink()
    return ["--benchmark", "spider", "--benchmark_dir", "spider"]


def no_database(project: Path) -> list[str]:
    (spider(project / "spider") / "database" / "two" / "two.sqlite").write_text("no database " * 100)
    return ["--benchmark", "spider", "--benchmark_dir", "spider"]


def database_in_both_splits(project: Path) -> list[str]:
    folder = spider(project / "spider")
    (folder / "dev.json").write_bytes((folder / "train_spider.json").read_bytes())
    return ["--benchmark", "spider", "--benchmark_dir", "spider"]


def output_is_a_file(project: Path) -> list[str]:
    spider(project / "spider")
    (project / "output").write_text("in the way")
    return ["--benchmark", "spider", "--benchmark_dir", "spider"]


def unknown_layout(project: Path) -> list[str]:
    return ["--layout", "bush"]


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (missing_folder, "the Spider folder nowhere does not exist"),
        (malformed_questions, "spider/dev.json, line 3: not JSON"),
        (missing_database, "1 of the 2 databases under spider/database are missing"),
        (no_database, "is not a SQLite database"),
        (database_in_both_splits, "1 databases are in train and in dev (one"),
        (output_is_a_file, "cannot write the output folder output/data/spider-"),
        (unknown_layout, "unknown layout 'bush'"),
        (no_baseline, "the baseline empty holds no golden.jsonl"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_bad_input_is_one_sentence_and_leaves_nothing_behind(project: Path, prepare: object, said: str) -> None:
    options = prepare(project)  # type: ignore[operator]
    result = run(*options)
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.output
    left = project / "output" / "data"
    assert not left.is_dir() or not list(left.iterdir())


def test_a_locked_database_is_named(project: Path) -> None:
    folder = spider(project / "spider")
    with closing(sqlite3.connect(folder / "database" / "two" / "two.sqlite", isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        result = run("--benchmark", "spider", "--benchmark_dir", "spider")
    assert result.exit_code == 2
    assert "two.sqlite is locked by another process" in result.stderr
    assert not list((project / "output" / "data").iterdir())


FILL = """
import resource, sys
from pathlib import Path
from pipesql.errors import BadInput
from pipesql.storage import whole_folder, write_jsonl
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    with whole_folder(Path("out/data")) as folder:
        write_jsonl(folder / "first.jsonl", [{"a": 1}])
        write_jsonl(folder / "second.jsonl", ({"a": i} for i in range(100_000)))
except BadInput as e:
    print(e)
    sys.exit(e.exit_code)
"""


def test_a_disk_that_takes_no_more_leaves_the_old_folder_as_it_was(tmp_path: Path) -> None:
    assert resource.RLIMIT_FSIZE
    old = tmp_path / "out" / "data" / "old.jsonl"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", FILL], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert "cannot write" in done.stdout and "File too large" in done.stdout
    assert contents(tmp_path) == {"out/data/old.jsonl": b"old"}


def test_new_pairs_made_of_others_are_logged_too(project: Path) -> None:
    from pipesql.tracking.runs import latest_run

    done = run("--benchmark", "demo", "--limit", "30", "--augment", "1", "--workers", "1")
    assert done.exit_code == 0, done.output
    logged = latest_run("data")
    assert logged is not None
    rows = logged.artifact("augmented.jsonl").read_text().splitlines()
    assert rows and all(json.loads(row)["parents"] for row in rows)
