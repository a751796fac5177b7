"""Hostile requests to a server: `python -m tests.hostile.bodies RUN_DIR [--count 10000] [--seed 0]`.

Each is a valid request that is changed by chance, or bytes that never were one. It passes if every one is answered with
a status below 500 in JSON that shows nothing of the server's inside, and a valid request is still answered the same.
"""

from __future__ import annotations

import argparse
import base64
import collections
import copy
import json
import logging
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Post = Callable[[bytes, str], tuple[int, bytes]]
"""From a body and its type to the status and the body of the answer."""

JSON = "application/json"
VALUES: tuple[Any, ...] = (
    None,
    True,
    "",
    " ",
    "x",
    "0x10",
    "1_000",
    "NaN",
    "-inf",
    "1e999",
    "\0",
    "\ud800",
    "𝟙",
    "٣",
    "../../etc/passwd",
    "{0.__class__}",
    "<script>",
    "' OR 1=1",
    "=1+1",
    "\u202e",
    "a" * 5000,
    0,
    -1,
    1.5,
    1e308,
    -1e308,
    1e-320,
    2**31,
    2**63,
    2**64,
    10**400,
    [],
    {},
    [[]],
    [[[[1]]]],
    {"a": {"b": 1}},
    {"__proto__": 1},
    {"": None},
    [None] * 50,
    "data:image/png;base64,",
    base64.b64encode(b"\x89PNG\r\n\x1a\n").decode(),
    base64.b64encode(b"GIF89a\xff\xff\xff\xff\x00\x00\x00").decode(),
    base64.b64encode(b"RIFF\xff\xff\xff\xffWAVE").decode(),
)
RAW: tuple[bytes, ...] = (
    b"",
    b"null",
    b"0",
    b'""',
    b"[]",
    b"{}",
    b"{",
    b"[" * 5000,
    b'{"a":' * 5000,
    b"\xff\xfe",
    b"\x00" * 100,
    b"NaN",
    b'{"rows": Infinity}',
    b'{"rows": [' + b"9" * 6000 + b"]}",
    b'{"rows": [1e400]}',
    b'{"rows": [[[[[[]]]]]]}',
    b'{"rows": [], "rows": [[1]]}',
    b"\xef\xbb\xbf{}",
    b'{"rows": "\\ud800"}',
    b'{"inputs": [[]]}',
    b'{"inputs": [[[[[1]]]]]}',
    b'{"rows": {"0": 1}}',
    b"--x--",
    b"GET / HTTP/1.1\r\n\r\n",
)
TYPES = (
    JSON,
    JSON,
    JSON,
    JSON,
    "application/json; charset=utf-16",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=" + "x" * 500,
    "text/html",
    "",
    "application/json\t",
    'multipart/form-data; boundary="',
    "*/*",
)
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
                place.extend(place * source.choice((1, 3, 300)))
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
    choice = source.randrange(10)
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
        head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n'
        head %= source.choice((b"a.png", b"../../a", b'"', b"\0", b"a" * 300))
        return head + source.choice((text, source.randbytes(50), b"")) + source.choice(
            (b"\r\n--x--\r\n", b"\r\n--x", b"")
        ), TYPES[6]
    return text, JSON


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


def valid_body(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return a valid request for a model, by what `/model` says of it."""
    if description["example"] is not None:
        return {"rows": [description["example"]], "probabilities": True}
    if description["kind"] == "series":
        point = {column["name"]: 1.5 for column in description["columns"]}
        return {"rows": [{"points": [point] * description["window"]}]}
    shape = [size if isinstance(size, int) else 3 for size in description["inputs"]["shape"][1:]]
    values: Any = 2
    for size in reversed(shape):
        values = [values] * size
    return {"inputs": [values]}


def main(words: list[str] | None = None) -> int:
    """Attack a server of a run within this process; return 0 if it stood."""
    from starlette.testclient import TestClient

    from dlrun.cli.saved_run import compose_run
    from dlrun.configuration.schema.catalog import Catalog
    from dlrun.runs.predict import load_run
    from dlrun.runs.serving.app import make_app
    from dlrun.runs.serving.describing import Limits
    from dlrun.runs.serving.served import ServedRun

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(words)
    catalog = Catalog()
    run = load_run(compose_run(asked.run, (), catalog).config, catalog, asked.run)
    told: list[str] = []
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # as a server does
    app = make_app(ServedRun(run, name=asked.run.name), Limits(), pages={}, tell=told.append)
    with TestClient(app) as client:
        valid = valid_body(client.get("/model").json())
        statuses, wrong = attack(poster(client), valid, count=asked.count, seed=asked.seed)
    for line in [*wrong[:20], *told[:20]]:
        print(line, file=sys.stderr)
    print(f"{asked.count:,} hostile requests: {statuses}; {len(wrong)} wrong answers, {len(told)} failures within")
    return 1 if wrong or told else 0


def poster(client: Any) -> Post:
    """Return what posts to /predict with a test client."""

    def post(body: bytes, kind: str) -> tuple[int, bytes]:
        answer = client.post("/predict", content=body, headers={"Content-Type": kind})
        return answer.status_code, answer.content

    return post


if __name__ == "__main__":
    sys.exit(main())
