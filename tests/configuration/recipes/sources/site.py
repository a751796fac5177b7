"""An https server of its own on this machine, with a certificate that only the tests trust."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("localhost.pem")  # for localhost and 127.0.0.1, valid until 2126
RECIPE = b"recipe: {format: 1, title: Fetched}\ndataset: {name: iris}\nmodel: {name: mlp, hidden: [16]}\n"


class Site:
    """What the server answers, by path, and what it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"/r/x.yaml": RECIPE}
        self.redirects: dict[str, str] = {}
        self.codes: dict[str, int] = {}
        self.lengths: dict[str, int] = {}  # the Content-Length that is said, if any
        self.slow: set[str] = set()  # a byte now and then
        self.requests: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = f"https://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        self.requests.append(handler.path)
        if handler.path in self.redirects:
            handler.send_response(302)
            handler.send_header("Location", self.redirects[handler.path])
            handler.end_headers()
        elif handler.path in self.codes or handler.path not in self.files:
            handler.send_error(self.codes.get(handler.path, 404))
        else:
            handler.send_response(200)
            if handler.path in self.lengths:
                handler.send_header("Content-Length", str(self.lengths[handler.path]))
            handler.end_headers()
            if handler.path in self.slow:
                for number in range(200):
                    handler.wfile.write(b"#" if number else b"seed: 1 ")
                    time.sleep(0.05)
            handler.wfile.write(self.files[handler.path])


@contextmanager
def running() -> Iterator[Site]:
    """Run a server while the block runs."""
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        site.server.shutdown()
        thread.join()
        site.server.server_close()
