"""One word, one meaning: names that version 0.1 used otherwise are gone from identifiers, options, tags and fields.

`RENAMED` is the table. A word counts wherever it stands in a name: `with_stretches` carries `stretches`, `LocalSpeaker`
carries `speaker`. Where a word has a second, ordinary meaning, `rooms` are the places in which only the old meaning
could be meant, or `kept` those of the ordinary one. What users still type or have in files is in `ALIASES`: options,
which warn, and names in runs and files of version 0.1, which are read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import click
import pytest
import yaml

from pipesql.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
NAME_IN_TEXT = re.compile(r"[\w./-]+")
"""What a text must be to count as the name of an option, a tag or a field."""


@dataclass(frozen=True)
class Renamed:
    """Words, separated by spaces, and what is said instead."""

    words: str
    now: str
    rooms: tuple[str, ...] = ("",)
    """Where the words are old; everywhere, if not given."""
    kept: tuple[str, ...] = ()
    """Where they have their ordinary meaning."""

    def applies(self, path: str) -> bool:
        return path.startswith(self.rooms) and not (self.kept and path.startswith(self.kept))


LANGUAGE = ("pipesql/pipe/", "pipesql/decompile/")
ANSWERS = ("pipesql/decoding/", "pipesql/inference/", "pipesql/evaluate/")
PACKS = ("pipesql/finetune/", "pipesql/decoding/", "experiments/")
VERDICTS = ("pipesql/evaluate/", "pipesql/api/", "pipesql/cli/", "pipesql/workflows/", "steps/", "experiments/")
STATISTICS = ("pipesql/inference/confidence.py", "pipesql/evaluate/", "pipesql/workflows/evaluate.py")
RENAMED = (
    # How a question is asked and answered.
    Renamed("evidence", "check", rooms=("pipesql/decoding/", "pipesql/tracking/", "pipesql/workflows/", "steps/")),
    Renamed("asked asking", "Question; DecodingConfig"),
    Renamed("guidance guided", "constrained; backtracking; beam"),
    Renamed("futile", "objection"),
    Renamed("way ways", "hypothesis; beam"),
    Renamed("switch switches", "backtracks", rooms=ANSWERS),
    Renamed("score scores", "logprob", rooms=("pipesql/decoding/", "pipesql/inference/", "pipesql/finetune/")),
    Renamed("unsaid", "missing mentions"),
    Renamed("growing", "kv_cache"),
    Renamed("speaker say", "chat model; complete; report"),
    Renamed("served endpoint", "remote"),
    Renamed("reading", "operator stream; run an answer", kept=LANGUAGE),
    # What is judged, and by what.
    Renamed("judge judges judging judged", "check (an operator); reward; decide (the guard)", kept=VERDICTS),
    Renamed("handed", "submitted predictions"),
    Renamed("sides", "baseline and candidate", rooms=("pipesql/evaluate/", "pipesql/workflows/", "steps/")),
    Renamed("parting", "first divergence"),
    Renamed("stage stages", "step; prefix", kept=("pipesql/tracking/", "pipesql/workflows/")),
    # Training and merging.
    Renamed("material", "dataset"),
    Renamed("order", "schedule", rooms=("pipesql/finetune/",)),
    Renamed("stretch stretches", "segment"),
    Renamed("trunk", "shared prefix"),
    Renamed("branch branches", "continuation", rooms=PACKS),
    Renamed("selection", "best_checkpoint; schema pruning"),
    Renamed("fit", "compatibility (of an adapter); memory", kept=STATISTICS),
    Renamed("parity", "logit check"),
    Renamed("strength", "scaling"),
    # Data.
    Renamed("witness witnesses", "test suite"),
    Renamed("disturb disturbs disturbed", "perturbed copy"),
    Renamed("plant plants planted planting", "value seeding"),
    Renamed("disguise disguises disguised", "schema renaming"),
)  # fmt: skip
NAMES = {
    "Evidence": "Check",
    "Limits": "DecodeLimits; QueryLimits",
    "Turn": "message",
    "read_turn": "read_message",
    "turn_tokens": "message_tokens",
    "parts_at": "diverges_at",
    "parts_in": "diverges_in",
    "print_stages": "print_prefixes",
}
"""Whole names that are old, though their words are not."""

ALIASES = {
    "pipesql/cli/ask.py": {"endpoint", "--endpoint"},
    "pipesql/finetune/distributed.py": {"--rdzv_endpoint"},
    "pipesql/finetune/sft/checkpoints.py": {"selection"},
    "pipesql/inference/config.py": {"evidence"},
    "pipesql/records.py": {
        "score", "switches", "unsaid", "disturbed_rows", "disturbed_digest", "witness", "parts_at", "parts_in",
    },
    "pipesql/samples/layouts.py": {"disguises"},
    "pipesql/tracking/tags.py": {"pipesql.strength"},
    "pipesql/workflows/merge.py": {"strength"},
}  # fmt: skip
"""File → the old names in it that users may still give, or that files and runs of version 0.1 hold; and torchrun's."""


def parts(name: str) -> set[str]:
    """The words of a name in snake or camel case, small."""
    return {part.lower() for part in PARTS.findall(name)}


def old_words(name: str, path: str) -> Iterator[str]:
    """What of a name is old at a place, and what to say instead."""
    if name in NAMES:
        yield f"{name} → {NAMES[name]}"
    found = parts(name)
    for entry in RENAMED:
        if entry.applies(path) and (old := found & set(entry.words.split())):
            yield f"{name}: {', '.join(sorted(old))} → {entry.now}"


def names_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every identifier of a module, those that it defines and those that it uses, and texts that look like names."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.arg(arg=name) | ast.Attribute(attr=name) | ast.Name(id=name) | ast.keyword(arg=str(name)):
                yield name, node.lineno
            case ast.alias(name=name, asname=other):
                yield from ((part, node.lineno) for part in f"{name}.{other or ''}".split("."))
            case ast.Constant(value=str(text)) if id(node) not in documentation and NAME_IN_TEXT.fullmatch(text):
                yield text, node.lineno


def left_in(path: str, text: str, aliases: Collection[str] = ()) -> list[str]:
    """The old names in a module, each with its line."""
    found = [(line, name) for name, line in names_in(ast.parse(text)) if name not in aliases]
    found += [(1, part) for part in Path(path).with_suffix("").parts]
    return sorted({f"{path}:{line} {old}" for line, name in found for old in old_words(name, path)})


@cache
def files() -> dict[str, str]:
    """The text of every module of the project, by its path."""
    found = (path for room in ("pipesql", "steps", "experiments") for path in (ROOT / room).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(found)}


def rooms() -> list[str]:
    """`pipesql/pipe/` and the like, `steps/`, `experiments/`, and `pipesql/` for what lies in no folder."""
    return sorted(
        {"/".join(path.split("/")[:2]) + "/" if path.count("/") > 1 else path.split("/")[0] for path in files()}
    )


@pytest.mark.parametrize("room", rooms())
def test_a_room_has_no_old_name(room: str) -> None:
    here = [p for p in files() if (p.startswith(room) if room.endswith("/") else p.rpartition("/")[0] == room)]
    left = [line for path in here for line in left_in(path, files()[path], ALIASES.get(path, ()))]
    assert left == [], "\n".join(left)


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """A command and those below it, each with its full name."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from commands(found, f"{name} {below}")


def test_no_command_or_option_has_an_old_name() -> None:
    """Old ones are hidden: they work for one release, with a warning."""
    entry_points = yaml.safe_load((ROOT / "MLproject").read_text(encoding="utf-8"))["entry_points"]
    steps = [(f"steps.{entry}", import_module(f"steps.{entry}").main) for entry in entry_points]
    shown = [(n, c) for n, c in [*commands(main, "pipesql"), *steps] if not c.hidden]
    options = [
        (f"{name} {option}", option.strip("-"))
        for name, command in shown
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in (*parameter.opts, *parameter.secondary_opts)
    ]
    options += [(f"-e {entry} -P {name}", name) for entry, e in entry_points.items() for name in e["parameters"]]
    options += [(name, name.rpartition(" ")[2]) for name, _ in shown]
    # `score` is a command for verdicts, and BIRD's hint may be given to a question.
    left = [full for full, name in options if any(old_words(name.replace("-", "_"), "steps/"))]
    assert [full for full in left if not full.endswith((" --evidence", "pipesql score"))] == []


def test_every_alias_is_still_there() -> None:
    """What nobody reads any more is taken off the list."""
    texts = {path: {name for name, _ in names_in(ast.parse(files()[path]))} for path in ALIASES}
    assert {path: names - texts[path] for path, names in ALIASES.items() if names - texts[path]} == {}


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("pipesql/pipe/a.py", "def with_stretches(): ...", "1 with_stretches: stretches → segment"),
        ("pipesql/pipe/a.py", "class LocalWitness: ...", "1 LocalWitness: witness → test suite"),
        ("pipesql/pipe/a.py", "f(trunk=1)", "1 trunk: trunk → shared prefix"),
        ("pipesql/pipe/a.py", "\nx.material = 2", "2 material: material → dataset"),
        ("pipesql/pipe/a.py", "from b import c as disguises", "1 disguises: disguises → schema renaming"),
        ("pipesql/pipe/a.py", "x = 'pipesql.strength'", "1 pipesql.strength: strength → scaling"),
        ("pipesql/pipe/a.py", "'a text of strength'\nx = 'strength of a text'", ""),
        ("pipesql/pipe/a.py", "Limits = 1", "1 Limits → DecodeLimits; QueryLimits"),
        ("pipesql/pipe/a.py", "QueryLimits = orders = 1", ""),
        ("pipesql/pipe/parity.py", "", "1 parity: parity → logit check"),
        ("pipesql/pipe/a.py", "order = 1", ""),
        ("pipesql/finetune/a.py", "order = 1", "1 order: order → schedule"),
    ],
)
def test_an_old_name_is_found_where_it_is_old(path: str, text: str, found: str) -> None:
    assert left_in(path, text) == ([f"{path}:{found}"] if found else [])
