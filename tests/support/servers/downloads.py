"""Ways in which a server answers: as it should, and as real ones do when they should not."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

PAGE = b"<!DOCTYPE html><html><body>Google Drive - Quota exceeded</body></html>"
Handle = Callable[[BaseHTTPRequestHandler, bytes], None]


def whole(request: BaseHTTPRequestHandler, body: bytes) -> None:
    """The rest of the body from where the client asks for it."""
    start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
    request.send_response(206 if start else 200)
    if start:
        request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
    request.send_header("ETag", '"one"')
    _send(request, body[start:])


def without_ranges(request: BaseHTTPRequestHandler, body: bytes) -> None:
    request.send_response(200)
    _send(request, body)


def _send(request: BaseHTTPRequestHandler, body: bytes, announced: int | None = None, kind: str = "zip") -> None:
    request.send_header("Content-Type", f"application/{kind}")
    request.send_header("Content-Length", str(len(body) if announced is None else announced))
    request.end_headers()
    request.wfile.write(body)


def page(request: BaseHTTPRequestHandler, body: bytes) -> None:
    request.send_response(200)
    _send(request, PAGE, kind="html")


def missing(request: BaseHTTPRequestHandler, body: bytes) -> None:
    request.send_error(404)


def truncated(request: BaseHTTPRequestHandler, body: bytes) -> None:
    """Half of it, under the length of that half: nothing in the answer says so."""
    request.send_response(200)
    _send(request, body[: len(body) // 2])


def promising_more(request: BaseHTTPRequestHandler, body: bytes) -> None:
    """The body under twice its length, and then the end of the connection."""
    request.send_response(200)
    _send(request, body, announced=2 * len(body))
    request.close_connection = True


class Breaking:
    """Breaks off after a third of what is asked for, `times` times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.asked: list[str] = []

    def __call__(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        self.asked.append(request.headers.get("Range", ""))
        if len(self.asked) > self.times:
            return whole(request, body)
        start = int(self.asked[-1].removeprefix("bytes=").partition("-")[0] or 0)
        rest = body[start:]
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        request.send_header("ETag", '"one"')
        _send(request, rest[: len(rest) // 3], announced=len(rest))
        request.close_connection = True
        return None
