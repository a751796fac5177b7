"""Hostile connections to a real server: `python -m tests.hostile.connections RUN_OR_FILE [--count 10000] [--seed 0]`.

Bytes that are no HTTP, or nearly; requests that are cut off, contradict themselves or come all at once; clients that
are silent, slow, do not read, or leave while they wait. It passes if the server answers nothing with 500, writes no
traceback, holds little more memory than before, and then answers a valid request as before.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import gzip
import http.client
import json
import os
import random
import re
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hostile.bodies import request, valid_body

TOKEN = "a-token-of-the-test"  # noqa: S105 - of no server that lives
METHODS = (
    b"GET",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"TRACE",
    b"CONNECT",
    b"get",
    b"",
    b"G" * 9000,
    b"\xff",
)
PATHS = (
    b"/", b"//", b"/predict", b"/predict/", b"/predict?x=1#y", b"/../../etc/passwd", b"/%00", b"/%ff%fe",
    b"/%2e%2e/", b"*",
    b"http://evil.example/predict", b"", b"/health", b"/metrics", b"/docs", b"/openapi.json", b"/model", b"/\xc3\xa9",
    b"/" + b"a" * 70_000, b"/;jsessionid=1", b"/predict\x00", b"/..;/model", b"/%", b"\\\\host\\share", b"/ /",
)  # fmt: skip
HEADERS = (
    b"Host: evil.example", b"Host:", b"Host: localhost:1", b"Host: [::1", b"Content-Length: -1", b"Content-Length: 1e3",
    b"Content-Length: 99999999999999999999", b"Content-Length: 5, 6", b"Content-Length: \xd9\xa3",
    b"Content-Length: +5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"Transfer-Encoding : chunked", b"Expect: 100-continue",
    b"Expect: 200-nonsense", b"Connection: close, keep-alive", b"Connection: Upgrade\r\nUpgrade: websocket",
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAA",
    b"Content-Encoding: gzip",
    b"Content-Encoding: br, gzip", b"Authorization: Bearer", b"Authorization: Basic YTpi",
    b"Authorization: Bearer \xff\xfe",
    b"Authorization: Bearer " + b"x" * 9000, b"Authorization: Bearer a-token-of-the-tesT", b"no colon", b": empty",
    b"A\x00: b",
    b"A: b\x00c", b"A: b\n folded", b"A: b\r\n\tfolded", b"X: " + b"y" * 70_000, b"Cookie: " + b"a=b; " * 2000,
    b"Range: bytes=-1",
    b"Accept: " + b"*/*," * 999, b"Content-Type: application/json; charset=utf-7", b"X-Forwarded-Host: evil.example",
)  # fmt: skip
CHUNKS = (
    b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1\r\n", b"zz\r\n",
    b"5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n",
    b"5\r\nhel", b"5\r\nhello", b"1\r\n", b"0", b"1\r\n{\r\n" * 500, b"00000000000000000000005\r\nhello\r\n0\r\n\r\n",
)  # fmt: skip
NO_HTTP = (
    b"", b"\r\n" * 500, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x01" * 200,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"SSH-2.0-x\r\n", b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000,
    b"\0" * 5000,
    b"EHLO x\r\n", b"*1\r\n$4\r\nPING\r\n", b"GET / HTTP/1.1\nHost: localhost\n\n", b"{}",
)  # fmt: skip


def hostile_bytes(valid: dict[str, Any], source: random.Random) -> bytes:
    """Return what a client writes."""
    choice = source.randrange(8)
    if choice == 0:
        return source.choice(NO_HTTP)
    if choice == 1:
        return source.randbytes(source.randint(1, 3000))
    body, kind = request(valid, source)
    sent = _request(body, kind, source)
    if choice == 2:  # many at once
        return b"".join(_request(*request(valid, source), source) for _ in range(source.choice((2, 9, 60))))
    if choice == 3:
        return sent[: source.randrange(len(sent))]
    if choice == 4:
        raw = bytearray(sent)
        for _ in range(source.choice((1, 4))):
            raw[source.randrange(min(len(raw), 400))] = source.randrange(256)
        return bytes(raw)
    return sent


def _request(body: bytes, kind: str, source: random.Random) -> bytes:
    is_odd = source.random() < 0.5
    method = source.choice(METHODS) if is_odd else b"POST"
    path = source.choice(PATHS) if is_odd else b"/predict"
    lines = [b"%s %s HTTP/1.%d" % (method, path, source.choice((1, 1, 1, 0)))]
    if source.random() < 0.9:
        lines.append(b"Host: localhost")
    if source.random() < 0.8:
        lines.append(b"Authorization: Bearer " + TOKEN.encode())
    lines.append(b"Content-Type: " + kind.encode("latin-1"))
    if source.random() < 0.05:
        body = gzip.compress(bytes(9_000_000), 1, mtime=0)
        lines.append(b"Content-Encoding: gzip")
    if source.random() < 0.15:
        lines.append(b"Transfer-Encoding: chunked")
        body = source.choice(CHUNKS)
    elif source.random() < 0.95:
        lines.append(b"Content-Length: %d" % max(0, len(body) + source.choice((0, 0, 0, 0, 1, -1, 10**6))))
    for _ in range(source.choice((0, 0, 1, 3))):
        lines.insert(source.randint(1, len(lines)), source.choice(HEADERS))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Server:
    """A server as a process of its own."""

    process: subprocess.Popen[str]
    port: int

    def connection(self) -> socket.socket:
        """Return a new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def resident_mib(self) -> float:
        """Return the memory that it holds."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() / (1 << 20)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Ask in an orderly way."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **headers}
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read()


@contextlib.contextmanager
def running(path: Path, *words: str, most_files: int = 1024) -> Iterator[tuple[Server, Path]]:
    """A server of a run or an exported file that asks for a token, and the file that it writes errors to."""
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/err", "w") as errors:
        line = f'ulimit -n {most_files}; exec "$0" -m dlrun serve "$@" --port 0'
        command = ["/bin/sh", "-c", line, sys.executable, str(path), *words]
        environment = {**os.environ, "DLRUN_TOKEN": TOKEN}
        with subprocess.Popen(command, stderr=errors, text=True, env=environment) as process:
            try:
                yield Server(process, _port(process, Path(errors.name))), Path(errors.name)
            finally:
                process.kill()


def _port(process: subprocess.Popen[str], errors: Path) -> int:
    for _ in range(600):
        found = re.search(r"http://[\w.]+:(\d+)/", errors.read_text())
        if found is not None:
            return int(found[1])
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {errors.read_text()}")


def attack(server: Server, valid: dict[str, Any], *, count: int, seed: int) -> tuple[dict[str, int], list[str]]:
    """Open hostile connections, one after the other; return the first status of each, and what was wrong."""
    source = random.Random(seed)
    statuses: collections.Counter[str] = collections.Counter()
    wrong = []
    for number in range(count):
        sent = hostile_bytes(valid, source)
        found = _exchange(server, sent, leaves=source.random() < 0.2, resets=source.random() < 0.5)
        statuses[(found[9:12].decode("latin-1") or "none") if found.startswith(b"HTTP/1.") else "none"] += 1
        failed = re.search(rb"HTTP/1.1 500|Traceback|site-packages", found)
        if failed and failed[0] not in sent:
            wrong.append(f"connection {number}: {found[:300]!r} to {sent[:300]!r}")
        if server.process.poll() is not None:
            return dict(statuses), [*wrong, f"connection {number} ended the server: {sent[:300]!r}"]
    return dict(sorted(statuses.items())), wrong


def _exchange(server: Server, sent: bytes, *, leaves: bool, resets: bool) -> bytes:
    """Write bytes and return what is answered. leaves: without waiting. resets: instead of an orderly end."""
    found = b""
    with server.connection() as connection, contextlib.suppress(OSError):
        connection.sendall(sent)
        if not leaves:
            connection.settimeout(0.05)
            while part := connection.recv(1 << 16):
                found += part
        if resets:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return found


def crowd(server: Server, valid: bytes, *, count: int) -> list[str]:
    """Open very many connections that are silent, slow or do not read; return what was wrong meanwhile and after."""
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n" % TOKEN.encode()
    json_head = head + b"Content-Type: application/json\r\nContent-Length: "
    whole = json_head + b"%d\r\n\r\n" % len(valid) + valid
    starts = (b"", b"", b"GET / HT", head, json_head + b"900\r\n\r\n{", whole * 50)
    wrong = []
    with contextlib.ExitStack() as stack:
        for number in range(count):
            with contextlib.suppress(OSError):  # refused, which is its right
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=0.2))
                connection.sendall(starts[number % len(starts)])
        start = time.monotonic()
        while time.monotonic() - start < 20:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if server.ask("GET", "/health")[0] == 200:
                    break
            time.sleep(0.2)
        else:
            wrong.append(f"{count} connections keep the server from answering")
    return wrong


def try_server(path: Path, *, count: int, seed: int, connections: int) -> tuple[str, list[str]]:
    """Attack a server; return what happened in a line, and what was wrong."""
    with running(path, "--timeout", "5") as (server, errors):
        valid = valid_body(json.loads(server.ask("GET", "/model")[1]))
        body = json.dumps(valid).encode()
        expected = server.ask("POST", "/predict", body)
        attack(server, valid, count=min(100, count), seed=seed + 1)  # what is loaded at first use
        before = server.resident_mib()
        statuses, wrong = attack(server, valid, count=count, seed=seed)
        wrong += crowd(server, body, count=connections) if connections else []
        time.sleep(1)
        after = server.resident_mib()
        if expected[0] != 200 or server.ask("POST", "/predict", body) != expected:
            wrong.append("the valid request is answered otherwise than before")
        if after > before + 200:
            wrong.append("the memory grows")
        server.process.terminate()
        if server.process.wait(40) != 143:
            wrong.append(f"SIGTERM ended it with {server.process.returncode}")
        said = [line for line in errors.read_text().splitlines() if "serving" not in line and "Stopped" not in line]
        wrong += said[:20]
    return f"{count:,} hostile connections: {statuses}; {before:,.0f} MiB before, {after:,.0f} after", wrong


def main() -> int:
    """Attack a server; return 0 if it stood."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--connections", type=int, default=1500, help="that are open at once")
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    line, wrong = try_server(asked.run, count=asked.count, seed=asked.seed, connections=asked.connections)
    print("\n".join([*wrong[:30], line, f"{len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
