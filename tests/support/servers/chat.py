"""A server of chat completions on the loopback, which answers with what a test gives it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Server:
    """A chat completions server on the loopback, which answers with what it was given."""

    def __init__(self, *replies: tuple[int, Any]) -> None:
        self.asked: list[dict[str, Any]] = []
        waiting, asked = list(replies), self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                asked[-1]["path"], asked[-1]["key"] = self.path, self.headers.get("Authorization")
                status, reply = waiting.pop(0)
                body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def completion(content: str | None = None, **call: Any) -> tuple[int, dict[str, Any]]:
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if call:
        function = {"name": call["name"], "arguments": call["arguments"]}
        message["tool_calls"] = [{"id": "x", "type": "function", "function": function}]
    return 200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"completion_tokens": 7}}
