"""A server as `dlrun serve` runs it, on a real socket and in this process, asked from a thread."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

_PATIENCE_S = 30.0
_INTERRUPTED = 130


def while_served(dlrun: Callable[..., tuple[int, str, str]], model: str, ask: Callable[[str], None]) -> None:
    """Serve a run or an exported file, call `ask` with the server's address in a thread, and stop it by Ctrl-C.

    Raises what `ask` raises, and AssertionError if the server does not start or end as it should.
    """
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    over = threading.Event()
    raised: list[BaseException] = []

    def client() -> None:
        try:
            _wait_for(port, over)
            ask(f"http://127.0.0.1:{port}/")
        except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
            raised.append(error)
        if not over.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=client)
    thread.start()
    code, out, err = dlrun("serve", model, "--port", str(port))
    over.set()
    thread.join()
    assert code == _INTERRUPTED, err
    if raised:
        raise raised[0]
    told = f"serving {os.path.basename(model)} on http://127.0.0.1:{port}/ (Ctrl-C ends)"
    assert (out, err) == ("", f"dlrun: {told}\ndlrun: Stopped.\n")


def _wait_for(port: int, over: threading.Event) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            assert not over.is_set(), "the server has ended"
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.01)


def predictions(address: str, body: Any) -> Any:
    """Return what a server predicts for the rows of a request."""
    content, head = json.dumps(body).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}predict", content, head)  # noqa: S310 - a server of this test
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
        return json.load(answer)["predictions"]
