"""The command line as users and scripts meet it: real processes' behaviour, real SQLite files."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pipesql.cli.main import COMMANDS, main

GOLD = "SELECT T1.name FROM singer AS T1 WHERE T1.age > 30 ORDER BY T1.age"
PIPE = "FROM singer\n|> WHERE age > 30\n|> ORDER BY age\n|> SELECT name"


@pytest.fixture(scope="module")
def db(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "music.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
        INSERT INTO singer VALUES (1, 'Ann', 31), (2, 'Bob', 25), (3, 'Cém', 47), (4, NULL, NULL);
        """
    )
    connection.close()
    return path


def call(*arguments: object, given: str | None = None):
    return CliRunner().invoke(main, [str(a) for a in arguments], input=given)


def test_to_pipe(db) -> None:
    result = call("to-pipe", "--db", db, GOLD)
    assert (result.exit_code, result.output) == (0, PIPE + "\n")


def test_to_pipe_reads_standard_input(db) -> None:
    assert call("to-pipe", "--db", db, given=GOLD).output == PIPE + "\n"


def test_to_sql(db) -> None:
    result = call("to-sql", "--db", db, PIPE)
    assert (result.exit_code, result.output) == (0, "SELECT name FROM singer WHERE age > 30 ORDER BY age\n")


def test_to_sql_writes_another_dialect(db) -> None:
    text = "FROM singer |> ORDER BY age |> SELECT name"
    assert (
        call("to-sql", "--to", "duckdb", "--db", db, text).output
        == "SELECT name FROM singer ORDER BY age NULLS FIRST\n"
    )


def test_run_prints_a_table(db) -> None:
    result = call("run", "--db", db, "FROM singer |> WHERE age > 30 OR age IS NULL |> SELECT name, age")
    assert result.exit_code == 0
    assert result.stdout == "name | age\n-----+-----\nAnn  | 31\nCém  | 47\nNULL | NULL\n"
    assert result.stderr == "(3 rows)\n"


def test_run_prints_json(db) -> None:
    result = call("run", "--json", "--db", db, "FROM singer |> WHERE age > 40 |> SELECT name, age")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [{"name": "Cém", "age": 47}]


def test_run_refuses_more_rows_than_asked_for(db) -> None:
    result = call("run", "--max-rows", 2, "--db", db, "FROM singer")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")


def test_the_canonical_form_is_and_stable(tmp_path) -> None:
    file = tmp_path / "query.sql"
    file.write_text("from t |> where a>1 and b='x' |> aggregate count(*) as n group by c |> order by n desc", "utf-8")
    once = call("canonical", file)
    assert (
        once.output == "FROM t\n|> WHERE a > 1 AND b = 'x'\n|> AGGREGATE COUNT(*) AS n GROUP BY c\n|> ORDER BY n DESC\n"
    )
    assert call("canonical", given=once.output).output == once.output


def lines(command: str, rows: list[object], *arguments: object) -> list[dict]:
    given = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    result = call(command, "--jsonl", *arguments, given=given)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_batches_keep_order_and_answer_errors(db, tmp_path) -> None:
    answers = lines(
        "to-pipe",
        [
            {"id": 1, "sql": GOLD, "db": str(db)},
            {"id": 2, "sql": "SELECT nam FROM singer", "db": str(db)},
            "not json",
            '["a list"]',
            {"id": 3, "sql": 5, "db": str(db)},
            {"id": 4, "sql": GOLD, "db": str(tmp_path / "missing.sqlite")},
            {"id": 5, "sql": GOLD, "db": 7},
            {"id": 6, "sql": "SELECT count(*) FROM singer", "db": str(db)},
        ],
    )
    assert [a["id"] for a in answers] == [1, 2, None, None, None, 4, None, 6]
    assert answers[0] == {"id": 1, "pipe_sql": PIPE}
    assert [sorted(a) for a in answers[1:7]] == [["error", "id"]] * 6
    assert "line 3" in answers[2]["error"]
    assert "missing.sqlite" in answers[5]["error"]
    assert answers[7]["pipe_sql"].endswith("AGGREGATE COUNT(*) AS count")


def test_batches_to_sql(db) -> None:
    answers = lines("to-sql", [{"id": "a", "pipe_sql": PIPE}, {"id": "b", "pipe_sql": "FROM"}], "--db", db)
    assert answers[0] == {"id": "a", "sql": "SELECT name FROM singer WHERE age > 30 ORDER BY age"}
    assert "error" in answers[1]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("to-pipe", "SELEC name FROM singer"), 1, "cannot be read as sqlite SQL"),
        (("to-pipe", "DELETE FROM singer"), 1, "only queries have a pipe form"),
        (("to-pipe", "SELECT ("), 1, "cannot be read as sqlite SQL"),
        (("to-pipe", ""), 1, "one query is expected"),
        (("to-pipe", "--from", "klingon", "SELECT 1"), 1, "klingon"),
        (("to-sql", "--to", "klingon", "FROM t |> SELECT a"), 1, "klingon"),
        (("to-sql", "FROM t |> WHERE"), 1, "line 1, column"),
        (("to-sql", "FROM t |> MATCH_RECOGNIZE (x)"), 1, "cannot express the operator MATCH_RECOGNIZE"),
        (("to-sql", ""), 1, "the query is empty"),
        (("to-pipe", "--db", "nowhere.sqlite", "SELECT 1"), 2, "nowhere.sqlite"),
        (("run", "--db", "nowhere.sqlite", "FROM t"), 2, "nowhere.sqlite"),
        (("canonical", "nowhere.sql"), 2, "nowhere.sql"),
    ],
)
def test_errors_are_one_sentence(arguments, status, said, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(*arguments)
    assert result.exit_code == status
    assert result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert said in result.stderr


def test_usage_errors_exit_with_2() -> None:
    assert call("to-pipe", "--nonsense").exit_code == 2
    assert call("run", "FROM t").exit_code == 2


def all_commands(
    group: click.Group = main, before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield (*before, name), command
        if isinstance(command, click.Group):
            yield from all_commands(command, (*before, name))


COMMANDS_BY_NAME = dict(all_commands())


@pytest.mark.parametrize("words", COMMANDS_BY_NAME, ids=" ".join)
def test_help_lists_every_option(words) -> None:
    command = COMMANDS_BY_NAME[words]
    text = call(*words, "--help").output
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.opts[0] in text
            assert parameter.help
    assert command.help


def test_the_list_of_commands_says_what_each_command_says_first() -> None:
    for commands in COMMANDS.values():
        for name, (_, sentence) in commands.items():
            first = (COMMANDS_BY_NAME[name,].help or "").split("\n\n")[0]
            assert " ".join(first.split()) == sentence


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_help_and_version_import_no_command(arguments) -> None:
    code = (
        "import sys; from pipesql.cli.main import main\n"
        f"main({list(arguments)!r}, standalone_mode=False)\n"
        "print(*sorted(m for m in sys.modules if m.startswith(('pipesql', 'sqlglot', 'logging'))))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    loaded = result.stdout.splitlines()[-1].split()
    assert [name for name in loaded if not name.startswith("pipesql")] == []
    listed = {"pipesql", "pipesql.cli", "pipesql.cli.main", "pipesql.cli.steps", "pipesql.errors", "pipesql.version"}
    assert set(loaded) <= listed | {"pipesql.workflows"}


def test_an_old_name_works_and_says_the_new_one() -> None:
    result = call("format", given="from t")
    assert (result.exit_code, result.stdout) == (0, "FROM t\n")
    assert result.stderr == (
        "warning: `pipesql format` is now `pipesql canonical`; the old name goes with the next release\n"
    )


def test_a_missing_package_is_named_with_its_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pipesql.finetune.recipe", None)
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.setattr("pipesql.cli.main.EXTRAS", {"train": ("pipesql",)})
    result = call("recipes")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "pip install 'pipesql[train]'" in result.stderr


WITHOUT_DATABASE = [
    ("SELECT name FROM singer WHERE age > 30", "FROM singer\n|> WHERE age > 30\n|> SELECT name"),
    ("SELECT * FROM t WHERE a = 1", "FROM t\n|> WHERE a = 1"),
    (
        "SELECT x.a, COUNT(*) AS n FROM t AS x JOIN u ON x.id = u.id GROUP BY x.a HAVING n > 1 ORDER BY n",
        "FROM t\n|> JOIN u ON t.id = u.id\n|> AGGREGATE COUNT(*) AS n GROUP BY t.a\n|> WHERE n > 1\n|> ORDER BY n",
    ),
    (
        "SELECT a FROM t WHERE b IN (SELECT c FROM u WHERE u.d = t.e) UNION SELECT q FROM w",
        "FROM t\n|> WHERE b IN (FROM u |> WHERE d = t.e |> SELECT c)\n|> SELECT a\n"
        "|> UNION DISTINCT (FROM w |> SELECT q)",
    ),
    ("WITH c AS (SELECT a FROM t) SELECT * FROM c", "WITH c AS (FROM t |> SELECT a) FROM c"),
]


@pytest.mark.parametrize(("sql", "pipe"), WITHOUT_DATABASE)
def test_without_a_database(sql, pipe) -> None:
    assert call("to-pipe", sql).output == pipe + "\n"
    back = call("to-sql", pipe)
    assert back.exit_code == 0, back.output
    assert call("to-pipe", back.output).output == pipe + "\n"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("to-pipe", "SELECT a FROM t JOIN u ON t.id = u.id"),
        ("to-pipe", "SELECT * FROM t JOIN u USING (id)"),
        ("to-pipe", "SELECT * FROM t NATURAL JOIN u"),
        ("to-pipe", "SELECT *, a + 1.0 FROM t"),
        ("to-pipe", "SELECT a FROM (SELECT * FROM t)"),
        ("to-pipe", "SELECT * FROM t UNION SELECT * FROM u"),
        ("to-pipe", "SELECT z.a FROM t"),
        ("to-sql", "FROM t |> JOIN u ON t.id = u.id |> SELECT a"),
        ("to-sql", "FROM t |> JOIN u USING (id) |> SELECT t.a"),
        ("to-sql", "FROM t |> DISTINCT |> SELECT a"),
        ("to-sql", "FROM t |> EXTEND a + 1 AS b"),
        ("to-sql", "FROM t |> UNION ALL (FROM u)"),
    ],
)
def test_what_needs_a_database_asks_for_it(command, text) -> None:
    result = call(command, text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--db FILE" in result.stderr


def test_start_imports_nothing_heavy(db) -> None:
    code = (
        "import sys; from pipesql.cli.main import main\n"
        f"main(['to-sql', '--db', {str(db)!r}, 'FROM singer'], standalone_mode=False)\n"
        "heavy = {'torch', 'mlflow', 'transformers', 'datasets', 'numpy', 'duckdb'}\n"
        "heavy &= {m.split('.')[0] for m in sys.modules}\n"
        "sys.exit(f'imported: {sorted(heavy)}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "SELECT * FROM singer\n"


def test_check_says_what_a_query_gives(db) -> None:
    result = call("check", "--db", db, "FROM singer |> LIMIT 2 |> SELECT name, age")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "ok: 3 operators, in no order; columns: name, age",
        "note: operator 2: LIMIT keeps any 2 rows: the order of rows is not defined before it",
    ]
    result = call("check", "--db", db, "--run", given="FROM singer |> WHERE age > 30 |> ORDER BY age")
    assert result.stdout == "ok: 3 operators, 2 rows, ordered; columns: singer_id, name, age\n"


def test_check_names_the_operator_that_is_wrong(db) -> None:
    result = call("check", "--db", db, "FROM singer |> WHERE agee > 3")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: operator 2: ") and "age" in result.stderr
    machine = call("check", "--db", db, "--json", "FROM singer |> WHERE agee > 3")
    answer = json.loads(machine.stdout)
    assert (machine.exit_code, answer["ok"], answer["operator"]) == (1, False, 2)
    machine = call("check", "--db", db, "--json", PIPE)
    answer = json.loads(machine.stdout)
    assert (machine.exit_code, answer["ok"], answer["columns"], answer["ordered"]) == (0, True, ["name"], True)


def test_the_demo_databases(tmp_path) -> None:
    result = call("demo", tmp_path)
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0 and len(paths) == 13 and all(path.is_file() for path in paths)
    assert call("demo", tmp_path).stdout == result.stdout
    zoo = tmp_path / "zoo" / "zoo.sqlite"
    assert call("run", "--db", zoo, "FROM animals |> AGGREGATE COUNT(*) AS n").exit_code == 0
