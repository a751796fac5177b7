"""`dlrun serve` under load, beside an endpoint written by hand: `python -m benchmarks.serving [--models mlp,resnet]`.

All serve the same network in one process with one thread of torch, on the same HTTP server (uvicorn). Clients are
connections that send one row at a time and wait for its prediction; they are all in the process that measures. Needs
the extras `serve` and `serve_benchmark`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DIGIT = [[[float((7 * row + 3 * column) % 17) for column in range(8)] for row in range(8)]]
_TEXT = "so very good and nice but not that great or fine as the others were"
MODELS: Mapping[str, tuple[str, Any]] = {
    "mlp": ("dataset=iris model=mlp", {"inputs": [[5.1, 3.5, 1.4, 0.2]]}),
    "resnet": ("dataset=digits model=resnet model.channels=[8,16] model.blocks=[2,2]", {"inputs": [_DIGIT]}),
    "transformer": ("dataset=text dataset.path={texts} model=transformer model.layers=4", {"rows": [{"text": _TEXT}]}),
}
"""The overrides of each run, and the request that is sent."""

OURS = "dlrun serve"
CONTESTANTS = {
    OURS: ["dlrun", "serve"],
    "by hand": ["benchmarks.serving_by_hand"],
    "by hand, async": ["benchmarks.serving_by_hand", "--asynchronous"],
}


@dataclass(frozen=True)
class Measured:
    """Answers of all clients. seconds: of each, in any order. took_s: from the first request to the last answer."""

    seconds: Sequence[float]
    took_s: float
    failed: int

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.took_s

    def percentile_ms(self, share: float) -> float:
        """Return the time that so large a share of the answers stay below."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Client(asyncio.Protocol):
    """A connection that sends a request, waits for the answer, and sends it again, until `end`."""

    def __init__(self, request: bytes, end: float, done: asyncio.Future[None]) -> None:
        self._request, self._end, self._done = request, end, done
        self.seconds: list[float] = []
        self.failed = 0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # of whichever event loop
        self._send()

    def _send(self) -> None:
        self._start = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if length is None or len(body) < int(length[1]):
            return
        self._buffer = b""
        now = time.perf_counter()
        if head.startswith(b"HTTP/1.1 200"):
            self.seconds.append(now - self._start)
        else:
            self.failed += 1
        if now < self._end:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def load(port: int, body: Any, *, clients: int, seconds: float) -> Measured:
    """Return what so many clients measure, which send the same body all the time."""
    content = json.dumps(body).encode()
    lines = (
        "POST /predict HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    )
    head = "\r\n".join([*lines, "", ""])
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    made, waiting = [], []
    for _ in range(clients):
        done: asyncio.Future[None] = loop.create_future()
        client = Client(head.encode() + content, start + seconds, done)
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
        made.append(client)
        waiting.append(done)
    await asyncio.gather(*waiting)
    took = time.perf_counter() - start
    return Measured([each for client in made for each in client.seconds], took, sum(client.failed for client in made))


@contextlib.contextmanager
def running(words: Sequence[str]) -> Iterator[int]:
    """A server as a process of its own, with its port."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", *words, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                found = re.search(r"http://[\w.]+:(\d+)/", line)
                if found is not None:
                    yield int(found[1])
                    break
            else:
                raise RuntimeError(f"{' '.join(command)} did not start")
        finally:
            process.terminate()


def train(folder: Path, name: str) -> Path:
    """Train a network for some steps; its predictions do not matter."""
    texts = folder / "texts.csv"
    words = _TEXT.split()
    lines = [f"{('good', 'bad')[row % 2]},{' '.join(words[row % 5 :])} {words[row % 9]}" for row in range(200)]
    texts.write_text("label,text\n" + "\n".join(lines) + "\n")
    overrides = MODELS[name][0].format(texts=texts).split()
    fixed = ["trainer.max_steps=5", "dataset.baselines=false", "device=cpu", "device.threads=1", "-q"]
    command = [sys.executable, "-m", "dlrun", *overrides, *fixed, f"hydra.run.dir={folder / name}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / name


def measure(
    run: Path, body: Any, *, clients: Sequence[int], seconds: float, rounds: int
) -> dict[tuple[str, int], list[Measured]]:
    """Measure the servers in turns, so that a change of the machine meets all; each round begins with another."""
    from uvloop import run as run_loop  # as the servers use, or the clients would be what is measured

    found: dict[tuple[str, int], list[Measured]] = {}
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(running([*words, str(run)])) for name, words in CONTESTANTS.items()}
        for port in ports.values():
            run_loop(load(port, body, clients=4, seconds=min(1.0, seconds)))  # warm
        for number in range(rounds):
            names = [*ports][number % len(ports) :] + [*ports][: number % len(ports)]
            for count in clients:
                for name in names:
                    port = ports[name]
                    measured = run_loop(load(port, body, clients=count, seconds=seconds))
                    found.setdefault((name, count), []).append(measured)
    return found


def report(model: str, found: Mapping[tuple[str, int], Sequence[Measured]]) -> None:
    """Print medians over rounds; and how often the throughput of an endpoint written by hand `dlrun serve` has.

    That is a median of ratios, each of two measurements of the same round, with the smallest and the largest.
    """
    print(f"\n{model:<16}{'clients':>8}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'failed':>8}  dlrun serve has")
    for (name, clients), each in sorted(found.items(), key=lambda item: item[0][1]):
        rate = statistics.median(one.per_second for one in each)
        middle, late = (statistics.median(one.percentile_ms(share) for one in each) for share in (0.5, 0.99))
        failed = sum(one.failed for one in each)
        times = ""
        if name != OURS:
            ratios = [own.per_second / one.per_second for own, one in zip(found[OURS, clients], each, strict=True)]
            times = f"{statistics.median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})"
        line = f"{name:<16}{clients:>8}{rate:>12,.0f}{middle:>9.2f}{late:>9.2f}{failed:>8}  {times}"
        print(line.rstrip(), flush=True)


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print a table for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--clients", default="1,16,64")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(words)
    clients = [int(each) for each in asked.clients.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.models.split(","):
            run = train(Path(folder), name)
            found = measure(run, MODELS[name][1], clients=clients, seconds=asked.seconds, rounds=asked.rounds)
            report(name, found)


if __name__ == "__main__":
    main()
