"""Hostile requests to a server: `python -m tests.hostile.bodies RUN_OR_FILE [--count 10000] [--seed 0]`.

Each is a valid request that is changed by chance, or bytes that never were one. It passes if every one is answered with
a status below 500 in JSON that shows nothing of the server's inside, and a valid request is still answered the same.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import contextlib
import copy
import json
import logging
import random
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.hostile.bombs import hostile_file, images, large_bodies, sounds
from tests.hostile.pieces import JSON, JSON_TYPES, NO_NUMBERS, PART_HEADS, RAW, TYPES, VALUES

if TYPE_CHECKING:
    from dlrun.runs.serving.served import Served

Post = Callable[[bytes, str], tuple[int, bytes]]
"""From a body and its type to the status and the body of the answer."""

LEAKS = (b"Traceback", b"site-packages", b'File "', b".py", b"torch.", b"0x7f")


def mutated(body: Any, source: random.Random) -> Any:
    """Return a valid body with one to three places changed."""
    body = json.loads(json.dumps(body))
    for _ in range(source.randint(1, 3)):
        place, node = _some_place(body, source)
        action = source.randrange(5)
        if isinstance(place, dict) and place:
            if action == 0:
                place.pop(node, None)
            elif action == 1:
                place[
                    source.choice(("rows", "inputs", "probabilities", "length", "temperature", "x", node.upper()))
                ] = copy.deepcopy(source.choice(VALUES))
            else:
                place[node] = copy.deepcopy(source.choice(VALUES))
        elif isinstance(place, list) and place:
            if action == 0:
                place.extend(place * source.choice((1, 3, 300 if len(place) < 100 else 1)))
            else:
                place[node] = copy.deepcopy(source.choice(VALUES))
    return body


def _some_place(value: Any, source: random.Random) -> tuple[Any, Any]:
    """A container within a body, and a key of it; near the top or deep down."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return value, 0
        key = source.choice(keys)
        if not isinstance(value[key], dict | list) or source.random() < 0.3:
            return value, key
        value = value[key]


def request(valid: Mapping[str, Any], source: random.Random) -> tuple[bytes, str]:
    """Return a hostile body and its type."""
    choice = source.randrange(12)
    if choice == 0:
        return source.choice(RAW), source.choice(TYPES)
    if choice == 1:
        return source.randbytes(source.randint(0, 200)), source.choice(TYPES)
    text = json.dumps(mutated(valid, source)).encode()
    if choice == 2 and text:  # bytes of it changed or cut
        at = source.randrange(len(text))
        text = (
            text[:at] + source.randbytes(2) + text[at + source.randint(0, 9) :] if source.random() < 0.7 else text[:at]
        )
    elif choice == 3:
        return form(text, source), TYPES[6]
    elif choice == 4:
        return json.dumps(mutated({"rows": file_rows(source)}, source)).encode(), JSON
    elif choice == 5:
        numbers = list(re.finditer(rb"-?\d+(\.\d+)?|null|true", text))
        if numbers:
            found = source.choice(numbers)
            text = text[: found.start()] + source.choice(NO_NUMBERS) + text[found.end() :]
    return text, source.choice(JSON_TYPES)


def file_rows(source: random.Random) -> list[Any]:
    """Return rows that are files in base64, in the ways that a server takes."""
    rows: list[Any] = []
    for _ in range(source.randint(1, 3)):
        content = base64.b64encode(hostile_file(source)).decode()
        wrapped: tuple[Any, ...] = (content, {"image": content}, {"audio": content}, "data:image/png;base64," + content)
        rows.append(source.choice(wrapped))
    return rows


def form(text: bytes, source: random.Random) -> bytes:
    """Return a form of some parts, sound or not."""
    parts = []
    for _ in range(source.choice((0, 1, 1, 1, 2, 5, 60))):
        content = source.choice((text, source.randbytes(50), b"", b"\r\n--x", hostile_file(source)))
        parts.append(
            b"--x\r\n" + source.choice(PART_HEADS) + b"\r\n\r\n" + content + source.choice((b"\r\n", b"\r\n", b"\n"))
        )
    return b"".join(parts) + source.choice((b"--x--\r\n", b"--x--\r\n", b"--x--", b"--x", b"", b"--x--\r\n--x\r\n"))


def attack(post: Post, valid: Mapping[str, Any], *, count: int, seed: int) -> tuple[dict[int, int], list[str]]:
    """Send hostile requests; return how many got each status, and what was wrong with answers."""
    source = random.Random(seed)
    sound = json.dumps(valid).encode()
    expected = post(sound, JSON)
    statuses: collections.Counter[int] = collections.Counter()
    wrong = [] if expected[0] == 200 else [f"the valid request got {expected}"]
    for number in range(count):
        body, kind = request(valid, source)
        status, answer = post(body, kind)
        statuses[status] += 1
        leaks = [leak for leak in LEAKS if leak in answer and leak not in body]
        if status >= 500 or leaks or not isinstance(_parsed(answer), dict):
            wrong.append(f"request {number}: {status} {answer[:200]!r} to {kind} {body[:300]!r}")
    if post(sound, JSON) != expected:
        wrong.append("the valid request is answered otherwise than before")
    return dict(sorted(statuses.items())), wrong


def _parsed(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except ValueError:
        return None


def attack_largely(post: Post, valid: Mapping[str, Any], *, most_s: float) -> tuple[list[str], list[str]]:
    """Send the bodies that are large; return what was slowest, and what was wrong with answers."""
    times, wrong = [], []
    for name, body, kind in large_bodies(json.dumps(valid).encode()):
        start = time.perf_counter()
        status, answer = post(body, kind)
        seconds = time.perf_counter() - start
        times.append((seconds, f"{name}: {status} in {seconds:.2f} s"))
        if (
            status >= 500
            or not isinstance(_parsed(answer), dict)
            or len(answer) > len(body) + (1 << 20)
            or seconds > most_s
        ):
            wrong.append(f"{name}: {status} in {seconds:.2f} s, {answer[:200]!r}")
    return [text for _, text in sorted(times, reverse=True)[:5]], wrong


def resident_mib() -> float:
    """Return the memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / (1 << 20)


def valid_body(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return a valid request for a model, by what `/model` says of it."""
    if description["example"] is not None:
        row = {"rows": [description["example"]]}
        return {**row, "length": 3} if description["kind"] == "language" else {**row, "probabilities": True}
    if description["kind"] in ("images", "audio"):
        name, files = {"images": ("image", images()), "audio": ("audio", sounds())}[description["kind"]]
        return {"rows": [{name: base64.b64encode(files[0]).decode()}], "probabilities": True}
    if description["kind"] == "series":
        point = {column["name"]: 1.5 for column in description["columns"]}
        return {"rows": [{"points": [point] * description["window"]}]}
    shape = [size if isinstance(size, int) else 3 for size in description["inputs"]["shape"][1:]]
    values: Any = 2
    for size in reversed(shape):
        values = [values] * size
    return {"inputs": [values]}


def main(words: list[str] | None = None) -> int:
    """Attack a server of a run or an exported file within this process; return 0 if it stood."""
    from dlrun.runs.serving.app import make_app
    from dlrun.runs.serving.limits import Limits

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--max-rows", type=int, default=1000, help="of a request; few for a language model, or it waits"
    )
    asked = parser.parse_args(words)
    told: list[str] = []
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # as a server does
    app = make_app(opened(asked.run), Limits(rows=asked.max_rows, timeout_s=120.0), pages={}, tell=told.append)
    with asked_here(app) as ask:
        post: Post = partial(ask, "POST", "/predict")
        valid = valid_body(json.loads(ask("GET", "/model", b"", "")[1]))
        large, wrong = attack_largely(post, valid, most_s=60.0)
        before = resident_mib()
        statuses, more = attack(post, valid, count=asked.count, seed=asked.seed)
        after = resident_mib()
    for line in [*wrong[:20], *more[:20], *told[:20]]:
        print(line, file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"large bodies: {len(wrong)} wrong answers; slowest: {'; '.join(large)}")
    print(f"{asked.count:,} hostile requests: {statuses}; {len(more)} wrong answers, {len(told)} failures within")
    print(f"memory: {before:,.0f} MiB before, {after:,.0f} after, {peak:,.0f} at most")
    return 1 if wrong or more or told else 0


@contextlib.contextmanager
def asked_here(app: Any) -> Iterator[Callable[[str, str, bytes, str], tuple[int, bytes]]]:
    """What asks an application in this thread, ten times as fast as a test client: method, path, body, its type."""
    loop = asyncio.new_event_loop()
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    is_ready = asyncio.Event()

    async def told(message: dict[str, Any]) -> None:
        if message["type"] == "lifespan.startup.complete":
            is_ready.set()

    events.put_nowait({"type": "lifespan.startup"})
    living = loop.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, events.get, told))
    loop.run_until_complete(is_ready.wait())
    try:
        yield lambda *asked: loop.run_until_complete(_asked(app, *asked))
    finally:
        events.put_nowait({"type": "lifespan.shutdown"})
        loop.run_until_complete(living)
        loop.close()


async def _asked(app: Any, method: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
    parts = [{"type": "http.request", "body": body, "more_body": False}]
    found: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return parts.pop() if parts else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        found.append(message)

    headers = [(b"content-type", kind.encode("latin-1")), (b"content-length", b"%d" % len(body))]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    await app({**scope, "http_version": "1.1", "scheme": "http", "root_path": ""}, receive, send)
    return found[0]["status"], b"".join(message.get("body", b"") for message in found[1:])


def opened(path: Path) -> Served:
    """Return a run or an exported file as it is served."""
    from dlrun.cli.saved_run import compose_run
    from dlrun.configuration.schema.catalog import Catalog
    from dlrun.runs.export.opened import open_exported
    from dlrun.runs.loaded_run import load_run
    from dlrun.runs.serving.served import ServedFile, ServedRun

    if path.is_file():
        return ServedFile(open_exported(path))
    catalog = Catalog()
    run = load_run(compose_run(path, (), catalog).config, catalog, path)
    return ServedRun(run, name=path.name)


def poster(client: Any) -> Post:
    """Return what posts to /predict with a test client."""

    def post(body: bytes, kind: str) -> tuple[int, bytes]:
        answer = client.post("/predict", content=body, headers={"Content-Type": kind.encode("latin-1")})
        return answer.status_code, answer.content

    return post


if __name__ == "__main__":
    sys.exit(main())
