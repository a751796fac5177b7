"""A server on this machine that plays good and bad mirrors, for the tests of downloading."""

from __future__ import annotations

import hashlib
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = b"0123456789abcdef"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = b"fedcba9876543210"


class Site:
    """A server whose folders each behave in their own way; `requests` has (path, Range) of each request."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str | None]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append((self.path, self.headers.get("Range")))
                getattr(site, "_" + self.path.split("/")[1])(self)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def mirror(self, behaviour: str) -> str:
        return f"{self.address}/{behaviour}/"

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        handler.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(key, value)
        handler.end_headers()
        handler.wfile.write(body)

    def _good(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if start >= len(CONTENT):
            self._send(handler, 416, b"")
        elif start:
            content_range = {"Content-Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"}
            self._send(handler, 206, CONTENT[start:], content_range)
        else:
            self._send(handler, 200, CONTENT)

    def _slow(self, handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.3)
        self._send(handler, 200, CONTENT)

    def _rangeless(self, handler: BaseHTTPRequestHandler) -> None:
        self._send(handler, 200, CONTENT)

    def _wrong(self, handler: BaseHTTPRequestHandler) -> None:
        self._send(handler, 200, OTHER)

    def _short(self, handler: BaseHTTPRequestHandler) -> None:
        self._send(handler, 200, CONTENT[:6], {"Content-Length": str(len(CONTENT))})

    def _endless(self, handler: BaseHTTPRequestHandler) -> None:
        self._send(handler, 200, CONTENT * 100)

    def _absent(self, handler: BaseHTTPRequestHandler) -> None:
        self._send(handler, 404, b"")

    def _moved(self, handler: BaseHTTPRequestHandler) -> None:
        self._send(handler, 302, b"", {"Location": "/good/file.gz"})

    def _tofile(self, handler: BaseHTTPRequestHandler) -> None:
        self._send(handler, 302, b"", {"Location": "file:///etc/hostname"})

    def _toftp(self, handler: BaseHTTPRequestHandler) -> None:
        self._send(handler, 302, b"", {"Location": "ftp://127.0.0.1/file.gz"})
