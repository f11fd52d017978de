"""Fetching from a local server that does all that real ones do: break off, truncate, lie, answer with a page."""

from __future__ import annotations

import io
import json
import random
import shutil
import sqlite3
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("gdown", reason="gdown is not installed: pip install 'pipesql[train]'")

from pipesql.benchmarks import download, load
from pipesql.benchmarks.download import Archive
from pipesql.benchmarks.fetch import Fetched, fetch
from pipesql.errors import BadInput
from pipesql.records import Question
from tests.support.servers.downloads import (
    Breaking,
    Handle,
    missing,
    page,
    promising_more,
    truncated,
    whole,
    without_ranges,
)


@pytest.fixture
def serve() -> Iterator[Callable[[Handle, bytes], str]]:
    """Start a server on loopback that answers every request in one way; gives its address."""
    running: list[ThreadingHTTPServer] = []

    def start(handle: Handle, body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                handle(self, body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}/little.zip"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def database(tmp_path: Path) -> bytes:
    path = tmp_path / "made.sqlite"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a INTEGER)")
    connection.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(2000)])
    connection.commit()
    connection.close()
    return path.read_bytes()


def questions(count: int) -> bytes:
    return json.dumps(
        [{"db_id": "one", "question": f"q {i}", "query": "SELECT a FROM t"} for i in range(count)]
    ).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    return {
        "little/train_spider.json": questions(3),
        "little/train_others.json": questions(2),
        "little/dev.json": questions(1),
        "little/database/one/one.sqlite": database(tmp_path),
        "little/noise": random.Random(1).randbytes(4 << 20),
        "little/database/one/._one.sqlite": b"shadow",
        "__MACOSX/little/._dev.json": b"shadow",
    }


LITTLE = {"train_spider.json": 3, "train_others.json": 2, "dev.json": 1}


@pytest.fixture
def get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Fetch a little Spider from these places into `tmp_path / "spider"`."""
    monkeypatch.setattr(download, "RETRIES", 0)

    def run(*places: str, most_gigabytes: int = 1, databases: int = 1) -> Fetched:
        little = Archive("spider", places, most_gigabytes, databases, LITTLE)
        monkeypatch.setitem(download.ARCHIVES, "spider", (little,))
        return fetch("spider", tmp_path / "spider", lock=tmp_path / "benchmarks.lock.json")[0]

    return run


def left(tmp_path: Path) -> list[str]:
    return sorted(p.name for p in tmp_path.iterdir() if p.name != "made.sqlite")


def test_a_whole_archive_becomes_a_folder_that_the_reader_takes(serve, files, get, tmp_path) -> None:
    found = get(serve(whole, zipped(files)))
    assert (found.databases, found.questions) == (1, LITTLE)
    read: list[Question] = load("spider", str(tmp_path / "spider"))
    assert len(read) == 6
    assert not list((tmp_path / "spider").rglob("._*"))
    assert not list((tmp_path / "spider").rglob("__MACOSX"))
    assert left(tmp_path) == ["benchmarks.lock.json", "spider"]


def test_a_benchmark_without_a_folder_is_fetched(serve, files, get, tmp_path, monkeypatch) -> None:
    get(serve(whole, zipped(files)))  # makes the little archive the one that is known
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    assert len(load("spider", report=said.append)) == 6
    assert said[-1].startswith("fetched output/benchmarks/spider: 1 databases, 3 questions in train_spider.json")
    assert (tmp_path / "output" / "benchmarks" / "spider" / "dev.json").is_file()


def test_a_place_that_cannot_be_reached_is_named(get) -> None:
    with pytest.raises(BadInput, match=r"http://127\.0\.0\.1:9/x\.zip cannot be reached"):
        get("http://127.0.0.1:9/x.zip")


def test_what_is_there_is_not_fetched_again(serve, files, get) -> None:
    breaking = Breaking(0)
    place = serve(breaking, zipped(files))
    assert get(place) == get(place)
    assert len(breaking.asked) == 1


def test_a_broken_transfer_goes_on_where_it_broke(serve, files, get, monkeypatch) -> None:
    monkeypatch.setattr(download, "RETRIES", 3)
    monkeypatch.setattr("gdown.download._wait_or_cancel", lambda **_: None, raising=False)
    breaking = Breaking(2)
    get(serve(breaking, zipped(files)))
    assert breaking.asked[0] == ""
    assert all(asked.startswith("bytes=") for asked in breaking.asked[1:])


def test_a_later_try_goes_on_where_the_first_gave_up(serve, files, get) -> None:
    breaking = Breaking(1)
    place = serve(breaking, zipped(files))
    with pytest.raises(BadInput, match=r"Download is incomplete: received \d+ bytes but the server announced"):
        get(place)
    get(place)
    assert breaking.asked[-1].startswith("bytes=")


@pytest.mark.parametrize(
    ("handle", "reason"),
    [
        (page, "answered with a web page"),
        (missing, "404"),
        (truncated, r"answered with \d+ bytes that are not a whole zip archive"),
        (promising_more, "Download is incomplete"),
    ],
)
def test_a_bad_place_is_named_and_the_next_one_is_tried(serve, files, get, tmp_path, handle, reason) -> None:
    body = zipped(files)
    bad = serve(handle, body)
    with pytest.raises(BadInput, match=reason) as error:
        get(bad)
    assert bad in str(error.value)
    assert "--mirror" in str(error.value)
    assert not (tmp_path / "spider").exists()
    assert get(bad, serve(whole, body)).databases == 1


def test_a_server_without_ranges_still_serves(serve, files, get) -> None:
    assert get(serve(without_ranges, zipped(files))).databases == 1


@pytest.mark.parametrize("name", ["../escaped.txt", "/etc/escaped.txt", "little/../../escaped.txt", "c:/escaped.txt"])
def test_a_path_out_of_the_folder_unpacks_nothing(serve, files, get, tmp_path, name) -> None:
    with pytest.raises(BadInput, match="a path outside its folder"):
        get(serve(whole, zipped({**files, name: b"gotcha"})))
    assert not (tmp_path / "spider").exists()
    assert not list(tmp_path.rglob("escaped.txt"))


def test_a_link_unpacks_nothing(serve, files, get, tmp_path) -> None:
    out = io.BytesIO(zipped(files))
    with zipfile.ZipFile(out, "a") as archive:
        link = zipfile.ZipInfo("little/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadInput, match="a link"):
        get(serve(whole, out.getvalue()))
    assert not (tmp_path / "spider").exists()


def test_an_archive_that_grows_beyond_bounds_is_refused(serve, files, get) -> None:
    with pytest.raises(BadInput, match=r"more than the expected 0\.00 GB"):
        get(serve(whole, zipped(files)), most_gigabytes=0)


def test_no_room_is_seen_before_the_transfer(serve, files, get, monkeypatch, tmp_path) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(BadInput, match=r"the download needs .* are free"):
        get(serve(whole, zipped(files)))


def test_too_few_databases_or_questions_are_named(serve, files, get, tmp_path) -> None:
    with pytest.raises(BadInput, match="holds 1 databases; spider has at least 2"):
        get(serve(whole, zipped(files)), databases=2)
    assert left(tmp_path) == [".downloads"], "what was not verified is not trusted"
    shutil.rmtree(tmp_path / ".downloads")
    with pytest.raises(BadInput, match="holds 0 questions"):
        get(serve(whole, zipped({**files, "little/dev.json": b"[]"})))


def test_a_database_that_is_none_is_named(serve, files, get) -> None:
    with pytest.raises(BadInput, match="not a readable SQLite database"):
        get(serve(whole, zipped({**files, "little/database/one/one.sqlite": b"SQLite format 3\0 but no more"})))


def test_an_archive_inside_is_unpacked_into_a_folder_of_its_name(serve, files, get, tmp_path) -> None:
    inside = zipped({"one/one.sqlite": files.pop("little/database/one/one.sqlite")})
    get(serve(whole, zipped({**files, "little/database.zip": inside, "little/note.txt": b""})))
    assert not list((tmp_path / "spider").rglob("*.zip"))


def test_another_archive_than_the_first_is_refused(serve, files, get, tmp_path) -> None:
    first = zipped(files)
    get(serve(whole, first))
    shutil.rmtree(tmp_path / "spider")
    other = serve(whole, zipped({**files, "little/more.txt": b"changed"}))
    with pytest.raises(BadInput, match="is not the archive that was fetched first"):
        get(other)
    assert get(other, serve(whole, first)).databases == 1, "the next place is tried"


def test_an_unknown_benchmark_is_named(tmp_path) -> None:
    with pytest.raises(BadInput, match="benchmark 'spidr' cannot be fetched"):
        fetch("spidr", tmp_path)
