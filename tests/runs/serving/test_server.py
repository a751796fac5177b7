"""dlrun.runs.serving.server: a real server, as a process that gets real signals."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dlrun.errors import ConfigError
from dlrun.runs.serving import server
from tests.runs.export.conftest import Train
from tests.runs.serving.conftest import needs_serve

SLOW = """
import sys, time
from dlrun.runs.serving import served
own = served.ServedRun.outputs
def outputs(self, inputs):
    time.sleep(0.5)
    return own(self, inputs)
served.ServedRun.outputs = outputs
from dlrun.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@contextlib.contextmanager
def running(*words: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server, whose model takes half a second, with its port."""
    command = [sys.executable, "-c", SLOW, "serve", *words, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"http://[\w.]+:(\d+)/ \(Ctrl-C ends\)", line)
            assert found is not None, line + process.stderr.read()
            yield process, int(found[1])
        finally:
            process.kill()


def asked(port: int, body: Any, sent: list[int] | None = None, **headers: str) -> tuple[int, Any]:
    """Ask for a prediction. sent: gets a number once the request is on its way."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        connection.request("POST", "/predict", json.dumps(body), {"Content-Type": "application/json", **headers})
        if sent is not None:
            sent.append(1)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


@needs_serve
def test_sigterm_finishes_what_is_in_flight(trained: Train) -> None:
    pytest.importorskip("uvicorn")
    found: list[Any] = []
    sent: list[int] = []
    with running(str(trained("linear"))) as (process, port):
        threads = [
            threading.Thread(target=lambda: found.append(asked(port, {"inputs": [[5.0, 3.0, 1.4, 0.2]]}, sent)))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        while len(sent) < 3:
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert process.stderr is not None
        assert process.stderr.read() == "dlrun: Stopped.\n"
        assert process.wait(20) == 143
    assert [status for status, _ in found] == [200] * 3
    assert len({answer["predictions"][0]["prediction"] for _, answer in found}) == 1


@needs_serve
def test_a_second_signal_ends_at_once(trained: Train) -> None:
    pytest.importorskip("uvicorn")
    found: list[Any] = []
    sent: list[int] = []

    def ask() -> None:
        try:
            found.append(asked(port, {"inputs": [[5.0, 3.0, 1.4, 0.2]] * 1000}, sent)[0])  # in four batches
        except (OSError, http.client.HTTPException) as error:
            found.append(error)

    with running(str(trained("linear"))) as (process, port):
        thread = threading.Thread(target=ask)
        thread.start()
        while not sent:
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
        assert time.monotonic() - start < 1.2  # the request has 1.5 seconds to go
        thread.join()
        assert process.stderr is not None
        assert process.stderr.read() == "dlrun: Stopped.\n"
    assert isinstance(found[0], Exception)


def test_a_server_that_others_reach_asks_for_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(server.TOKEN_VARIABLE, raising=False)
    assert server.token_of(None, "127.0.0.1") is None
    with pytest.raises(ConfigError, match=r"Others can reach this address. Give a token that requests must bring"):
        server.token_of(None, "0.0.0.0")  # noqa: S104
    with pytest.raises(ConfigError, match=r"--token\n.*at least 8 letters, digits and signs, without spaces"):
        server.token_of("short", "0.0.0.0")  # noqa: S104
    with pytest.raises(ConfigError, match="at least 8 letters"):
        server.token_of("with a space", "localhost")
    monkeypatch.setenv(server.TOKEN_VARIABLE, "from-the-environment")
    assert server.token_of(None, "0.0.0.0") == "from-the-environment"  # noqa: S104
    assert server.token_of("from-the-flag", "0.0.0.0") == "from-the-flag"  # noqa: S104


def test_addresses() -> None:
    assert server.local_hosts("localhost") == {"127.0.0.1", "localhost", "[::1]"}
    assert server.local_hosts("0.0.0.0") is None  # noqa: S104
    with server.bound_socket("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert server.address_of(first) == f"http://127.0.0.1:{port}/"
        what = rf"--host 127.0.0.1 --port {port}\n.*The server cannot listen there: Address already in use"
        with pytest.raises(ConfigError, match=what):
            server.bound_socket("127.0.0.1", port)
    with pytest.raises(ConfigError, match=r"--host no.such.invalid --port 1\n.*The server cannot listen there"):
        server.bound_socket("no.such.invalid", 1)
    with socket.socket() as everywhere:
        everywhere.bind(("0.0.0.0", 0))  # noqa: S104
        assert server.address_of(everywhere).startswith("http://127.0.0.1:")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(ConfigError, match=r'dlrun serve\n.*needs starlette, .*pip install "dlrun\[serve\]"'):
        server.require_packages()
