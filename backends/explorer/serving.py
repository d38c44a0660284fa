"""A live page on this machine's own address: a few files in memory, and nothing else, for nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from graphwright.compiler.places import NOWHERE, fail

HOST = "127.0.0.1"
_TYPES = {"html": "text/html; charset=utf-8", "onnx": "application/octet-stream", "wasm": "application/wasm"}
#: The page's own policy stands in the page; these keep other pages and proxies away from it.
_HEADERS = {
    "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
}  # fmt: skip


def server(files: Mapping[str, bytes], port: int = 0) -> ThreadingHTTPServer:
    """A server of these files on the loopback address; port 0 takes a free one. All but `.html` are gzipped.

    Only GET and HEAD of exactly these names are answered, and only to requests that were made to this address: a name
    that someone else's page points here (DNS rebinding) is refused.
    """

    class Handler(_Handler):
        pass

    Handler.files = {f"/{name}": (name, content) for name, content in files.items()}
    Handler.files["/"] = Handler.files["/index.html"]
    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise fail(NOWHERE, f"port {port} cannot be served: {error.strerror}", "--port 0 takes a free one") from None


class _Handler(BaseHTTPRequestHandler):
    files: Mapping[str, tuple[str, bytes]] = {}
    server_version, sys_version = "graphwright", ""

    def do_GET(self) -> None:
        """The file, whole."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """What would be answered, without it."""
        self._answer(body=False)

    def _answer(self, body: bool) -> None:
        port = self.connection.getsockname()[1]
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            return self.send_error(HTTPStatus.FORBIDDEN)
        found = self.files.get(self.path.partition("?")[0])
        if found is None:
            return self.send_error(HTTPStatus.NOT_FOUND)
        name, content = found
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", _TYPES[name.rpartition(".")[2]])
        if not name.endswith(".html"):
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        for header, value in _HEADERS.items():
            self.send_header(header, value)
        self.end_headers()
        if body:
            self.wfile.write(content)
        return None

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: who looks at the page sees it."""
