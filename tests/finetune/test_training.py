"""Training a real, tiny model: what is learnt from, that packs change nothing, and what comes out."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from trl import SFTTrainer

from pipesql.chat.template import markers
from pipesql.chat.tool_calls import answered, call, calling
from pipesql.chat.trees import grow, read_samples
from pipesql.errors import BadInput, TrainingDiverged
from pipesql.finetune.data.packs import collate, make_packs
from pipesql.finetune.data.tokenise import IGNORED, tokenise
from pipesql.finetune.recipe.files import recipe_for
from pipesql.finetune.sft.train import train
from pipesql.finetune.sft.trainer import TargetTrainer
from pipesql.models import resolve_model
from pipesql.models.load import load_model, load_tokenizer
from pipesql.records import Sample
from pipesql.storage import write_jsonl

SCHEMAS = {
    "music": "singer: Singer_ID int key, Name, Age int\nconcert: concert_ID int key, Theme, Year int",
    "shop": "customer: id int key, name, city\norders: id int key, customer int = customer.id, total real",
    "zoo": "animal: id int key, name, species",
}


def sample(number: int, db: str, layout: str = "folded") -> Sample:
    prompt = (
        {"role": "system", "content": "Answer."},
        {"role": "user", "content": f"{SCHEMAS[db]}\n\nQuestion: What is number {number}?"},
    )
    table = SCHEMAS[db].split(":")[0]
    targets = (f"FROM {table}", f"|> WHERE id > {number}", "|> AGGREGATE COUNT(*) AS count")
    return Sample(f"{db}-{number}", db, "train", layout, prompt, targets[: 1 + number % 3])


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [sample(number, db) for db in ("music", "shop") for number in range(12)] + [sample(0, "zoo")]


@pytest.fixture(scope="module")
def folder(samples, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data")
    write_jsonl(path / "samples.train.jsonl", samples)
    write_jsonl(path / "samples.dev.jsonl", [dataclasses.replace(sample(n, "zoo"), split="dev") for n in range(4)])
    return path


@pytest.fixture(scope="module")
def source():
    return resolve_model("tiny")


@pytest.fixture(scope="module")
def tokenizer(source):
    return load_tokenizer(source)


@pytest.fixture(scope="module")
def rows(samples, tokenizer):
    return tokenise(samples, tokenizer, 512)[0]


def test_the_loss_is_on_the_answer_alone(samples, rows, tokenizer) -> None:
    mark = markers(tokenizer)
    for one, row in zip(samples, rows, strict=True):
        answer = [label for label in row.labels if label != IGNORED]
        assert tokenizer.decode(answer, skip_special_tokens=True) == "\n".join(one.targets)
        assert answer.count(mark.step) == len(one.targets) - 1
        assert answer[-1] == mark.end
        assert tokenizer.decode(row.input_ids[: row.prompt_length]).endswith("<|im_start|>assistant\n")


def test_an_unfinished_query_ends_in_the_step_marker(tokenizer) -> None:
    step = dataclasses.replace(sample(2, "zoo", "steps"), targets=("|> LIMIT 1",), final=False)
    (row,), _ = tokenise([step], tokenizer, 512)
    assert row.input_ids[-1] == markers(tokenizer).step


def test_what_is_too_long_is_dropped_whole_and_counted(samples, tokenizer) -> None:
    lengths = sorted(len(row.input_ids) for row in tokenise(samples, tokenizer, 10_000)[0])
    kept, statistics = tokenise(samples, tokenizer, lengths[-4])
    dropped = sum(length > lengths[-4] for length in lengths)
    assert dropped
    assert statistics.too_long == dropped == len(statistics.too_long_ids)
    assert statistics.kept == len(kept) == len(samples) - dropped
    assert statistics.tokens == sum(len(row.input_ids) for row in kept)
    assert statistics.target_tokens == sum(label != IGNORED for row in kept for label in row.labels)


@pytest.mark.parametrize("capacity", [160, 400, 4000])
def test_packs_hold_every_target_once(rows, capacity) -> None:
    packs = make_packs(rows, capacity, seed=0)
    assert all(len(pack) <= capacity for pack in packs)
    targets = sorted(label for pack in packs for label in pack.labels if label != IGNORED)
    assert targets == sorted(label for row in rows for label in row.labels if label != IGNORED)
    assert sum(map(len, packs)) < 0.7 * sum(len(row.input_ids) for row in rows)
    assert make_packs(rows, capacity, seed=0) == packs
    assert make_packs(rows, capacity, seed=1) != packs


def talk(number: int, db: str) -> Sample:
    """A conversation with tools on a database on which there are plain questions too."""
    asked = call(1, "execute_pipe_sql", query=f"FROM t |> LIMIT {number}")
    plain = sample(number, db)
    turns = (calling([asked]), answered(asked, '{"rows": [[1]]}'))
    return dataclasses.replace(plain, id=f"{plain.id}#tools", layout="tools", prompt=(*plain.prompt, *turns))


def test_a_pack_has_the_loss_and_the_gradient_of_separate_sequences(rows, source, tokenizer) -> None:
    talks = tokenise([talk(number, "music") for number in range(4)], tokenizer, 512)[0]
    model, rows = load_model(source, device="cpu"), [*rows[::3], *talks]
    weight = model.model.layers[0].self_attn.q_proj.weight

    def summed(logits, labels):
        return torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
        )

    apart = sum(summed(model(torch.tensor([row.input_ids])).logits, torch.tensor([row.labels])) for row in rows)
    (wanted,) = torch.autograd.grad(apart, weight)
    batch = collate([dataclasses.asdict(pack) for pack in make_packs(rows, 250, seed=0)])  # several trees, and padding
    labels = batch.pop("labels")
    together = summed(model(**batch).logits, labels)
    (found,) = torch.autograd.grad(together, weight)
    assert len(batch["input_ids"]) > 1
    assert together.item() == pytest.approx(apart.item(), rel=1e-5)
    assert torch.allclose(found, wanted, atol=1e-4 * wanted.abs().max().item())


@pytest.fixture(scope="module")
def trained(folder, source, tmp_path_factory):
    logged: list[tuple[int, dict[str, float]]] = []
    output = tmp_path_factory.mktemp("train")
    recipe = dataclasses.replace(recipe_for("tiny", "tiny"), max_steps=30, num_train_epochs=30.0, eval_steps=10.0)
    result = train(folder, source, recipe, output, on_metrics=lambda values, step: logged.append((step, values)))
    return result, logged, output


def test_the_loss_falls_and_every_number_is_logged(trained) -> None:
    result, logged, _ = trained
    assert result.steps == 30
    assert result.summary["train/loss_last"] < 0.75 * result.summary["train/loss_first"]
    steps = [step for step, values in logged if "train/loss" in values]
    assert steps == list(range(1, 31))
    assert [step for step, values in logged if "eval/loss" in values] == [10, 20, 30]
    names = {"loss", "token_accuracy", "learning_rate", "grad_norm", "tokens", "tokens_per_second"}
    assert {f"train/{name}" for name in (*names, "target_tokens_per_second")} <= logged[0][1].keys()
    assert result.tokens == logged[-3][1]["train/tokens"]
    assert logged[-1] == (30, result.summary)


def test_the_adapter_stands_alone(trained, source) -> None:
    from peft import PeftModel
    from transformers import AutoTokenizer

    result, _, output = trained
    record = json.loads((result.adapter / "base.json").read_text())
    assert (record["model"], record["digest"], record["recipe"]) == ("tiny", source.digest, "tiny")
    assert record["layout"] == "folded"
    assert "tests only" in record["description"]
    assert sorted(p.name for p in output.iterdir()) == ["adapter", "checkpoints", "loss.png"]
    kept = sorted(p.name for p in (output / "checkpoints").glob("[!.]*"))
    assert kept == ["checkpoint-10", "checkpoint-20", "checkpoint-30"]
    tuned, again = (
        PeftModel.from_pretrained(load_model(source, device="cpu"), str(result.adapter)).eval() for _ in range(2)
    )
    ids = torch.tensor([AutoTokenizer.from_pretrained(result.adapter)("FROM singer")["input_ids"]])
    with torch.no_grad():
        assert torch.equal(tuned(ids).logits, again(ids).logits)
        with again.disable_adapter():
            assert not torch.allclose(tuned(ids).logits, again(ids).logits)


def test_the_kept_adapter_is_the_one_with_the_best_evaluation_loss(trained, folder, source, tokenizer) -> None:
    from peft import PeftModel

    from pipesql.storage import read_jsonl

    result, logged, _ = trained
    best = min(values["eval/loss"] for _, values in logged if "eval/loss" in values)
    model = PeftModel.from_pretrained(load_model(source, device="cpu"), str(result.adapter)).eval()
    rows, _ = tokenise(read_jsonl(folder / "samples.dev.jsonl", Sample), tokenizer, 512)
    with torch.no_grad():
        losses = [model(torch.tensor([r.input_ids]), labels=torch.tensor([r.labels])).loss.item() for r in rows]
    counts = [len(r.input_ids) - r.prompt_length for r in rows]
    mean = sum(loss * n for loss, n in zip(losses, counts, strict=True)) / sum(counts)
    assert mean == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize("packing", ["bfd", "none"])
def test_every_packing_starts_from_the_same_loss(folder, source, tmp_path, packing) -> None:
    base = dataclasses.replace(recipe_for("tiny", "tiny"), max_steps=1, eval_on_start=True, eval_steps=1.0)
    first = {}
    for name in ("shared", packing):
        recipe = dataclasses.replace(base, packing=name, per_device_eval_batch_size=2)
        train(folder, source, recipe, tmp_path, on_metrics=lambda v, step: first.setdefault(name, v))  # noqa: B023
    assert first[packing]["eval/loss"] == pytest.approx(first["shared"]["eval/loss"], rel=1e-5)
    assert first[packing]["eval/token_accuracy"] == pytest.approx(first["shared"]["eval/token_accuracy"], abs=1e-6)


def test_the_loss_is_that_of_trl(folder, source, tmp_path, monkeypatch) -> None:
    """On a CPU the trainer computes fewer logits than TRL, which it leaves to TRL's fused head on a GPU."""
    recipe = dataclasses.replace(recipe_for("tiny", "tiny"), max_steps=2, gradient_accumulation_steps=2, eval_steps=2.0)
    logs: dict[str, list[dict[str, float]]] = {"ours": [], "trl": []}
    train(folder, source, recipe, tmp_path, on_metrics=lambda values, step: logs["ours"].append(values))
    monkeypatch.setattr(
        TargetTrainer,
        "_loss_of_targets",
        lambda self, model, inputs, total: SFTTrainer.compute_loss(self, model, dict(inputs), num_items_in_batch=total),
    )
    train(folder, source, recipe, tmp_path, on_metrics=lambda values, step: logs["trl"].append(values))
    assert [values.keys() for values in logs["ours"]] == [values.keys() for values in logs["trl"]]
    for one, other in zip(logs["ours"], logs["trl"], strict=True):
        for name in {"train/loss", "train/grad_norm", "eval/loss", "eval/token_accuracy"} & one.keys():
            assert one[name] == pytest.approx(other[name], rel=1e-4), name


def test_a_loss_that_is_not_finite_stops_the_run_and_leaves_its_curve_but_no_weights(folder, source, tmp_path) -> None:
    recipe = dataclasses.replace(recipe_for("tiny", "tiny"), learning_rate=1e30, max_grad_norm=1e30)
    with pytest.raises(TrainingDiverged, match="try a learning_rate below 1e\\+30"):
        train(folder, source, recipe, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["loss.png"]


def test_no_usable_sample_is_one_sentence(folder, source, tmp_path) -> None:
    recipe = dataclasses.replace(recipe_for("tiny", "tiny"), max_length=16)
    with pytest.raises(BadInput, match=r"has no sample that can be used: of \d+, \d+ are longer than max_length 16"):
        train(folder, source, recipe, tmp_path)


def test_limit_counts_queries_in_the_steps_layout_too(source, tmp_path) -> None:
    steps = [
        dataclasses.replace(sample(n, "shop", "steps"), id=f"q{n}#{k}", targets=("|> LIMIT 1",), final=k == 2)
        for n in range(8)
        for k in (1, 2)
    ]
    write_jsonl(tmp_path / "samples.train.jsonl", steps)
    write_jsonl(tmp_path / "samples.dev.jsonl", steps[:4])
    recipe = dataclasses.replace(recipe_for("tiny", "tiny"), max_steps=1, eval_steps=1.0)
    result = train(tmp_path, source, recipe, tmp_path / "out", limit=3)
    assert (result.train.samples, result.layout) == (6, "steps")


def test_a_tree_trains_as_its_samples_do(folder, source, tmp_path) -> None:
    samples = list(read_samples(folder / "samples.train.jsonl"))
    write_jsonl(tmp_path / "samples.train.jsonl", grow(samples))
    write_jsonl(tmp_path / "samples.dev.jsonl", grow(list(read_samples(folder / "samples.dev.jsonl"))))
    recipe = dataclasses.replace(recipe_for("tiny", "tiny"), max_steps=1, eval_steps=1.0)
    apart, grown = (train(place, source, recipe, tmp_path / "out") for place in (folder, tmp_path))
    assert (apart.layout, grown.layout) == ("folded", "tree")
    assert grown.train == apart.train
    assert grown.summary["eval/loss_best"] == pytest.approx(apart.summary["eval/loss_best"], rel=1e-6)
    with pytest.raises(BadInput, match="layout tree, which needs packing shared"):
        train(tmp_path, source, dataclasses.replace(recipe, packing="bfd"), tmp_path / "out")


def test_the_evaluation_loss_is_of_the_validation_split_where_there_is_one(folder, source, tmp_path) -> None:
    for split, place in (("train", folder), ("dev", folder)):
        (tmp_path / f"samples.{split}.jsonl").write_bytes((place / f"samples.{split}.jsonl").read_bytes())
    write_jsonl(tmp_path / "samples.validation.jsonl", [sample(n, "music") for n in range(3)])
    recipe = dataclasses.replace(recipe_for("tiny", "tiny"), max_steps=1, eval_steps=1.0)
    assert train(tmp_path, source, recipe, tmp_path / "out").eval.samples == 3
