"""Mutated recipes: shipped and hostile ones, changed by rules of YAML's grammar and byte by byte.

    python -m tests.hostile.mutations --count 100000

Each is loaded, checked and planned as a command does. Nothing but ConfigError may come out, in a tenth of a second of
processor time.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.space import plan_search
from dlrun.errors import ConfigError
from tests.hostile.corpus import HERE, ROOT

MOST_S = 0.1
_COMPOSED_EVERY = 50  # of the accepted ones: Hydra takes longer than all of the rest
_LOOKALIKES = {"a": "\u0430", "e": "\u0435", "o": "\u043e", "p": "\u0440", "c": "\u0441", "s": "\uff53", "-": "\u2010"}
_INSERTED = (
    "\u202e", "\u2066", "\u200b", "\ufeff", "\x00", "\x1b[2J", "\r", "\x85", "\u2028", "${oc.env:HOME}", "&a ", "*a",
    "!!python/name:os.system ", "<<: ", "? ", "| ", "> ", "%", "@", "`", "---\n", "...\n", "\t", "#", ": ", "- ", ",",
    "[", "]", "{", "}", "'", '"', "\\", "~", "_target_: os.system", "hydra: {mode: MULTIRUN}\n", "defaults: [x]\n",
    "???",
)  # fmt: skip
_SCALARS = (
    "null", "true", "no", ".nan", "-.inf", "1e999", "-1", "0", "1000000000000", "9" * 400, "0x10", "017", "1_000",
    "1:30",
    "''", "[]", "{}", "[[[[]]]]", "../x", "/etc/passwd", "~/x", "auto", "x" * 5000, "\u0660", "1e-400", "=",
    "2026-01-01", "interval(1e-4, 1)", "tag(log, interval(1, 99))", "range(0, 1e9)", "choice(a, b)", "interval(",
)  # fmt: skip
Mutate = Callable[[random.Random, str], str]


def _place(draw: random.Random, text: str) -> int:
    return draw.randrange(len(text) + 1)


def insert(draw: random.Random, text: str) -> str:
    """Insert something that YAML, Hydra or a terminal gives a meaning to."""
    at = _place(draw, text)
    return text[:at] + draw.choice(_INSERTED) + text[at:]


def replace_scalar(draw: random.Random, text: str) -> str:
    """Replace what follows a colon."""
    places = [number for number, char in enumerate(text) if char == ":"]
    if not places:
        return text + draw.choice(_SCALARS)
    at = draw.choice(places) + 1
    end = min((found for mark in ",}\n" if (found := text.find(mark, at)) >= 0), default=len(text))
    return f"{text[:at]} {draw.choice(_SCALARS)}{text[end:]}"


def nest(draw: random.Random, text: str) -> str:
    """Put a part into brackets, many times."""
    start, end = sorted((_place(draw, text), _place(draw, text)))
    depth = draw.choice((1, 2, 13, 200, 3000))
    left, right = draw.choice((("[", "]"), ("{a: ", "}"), ("{? ", "}"), ("- ", "")))
    return text[:start] + left * depth + text[start:end] + right * depth + text[end:]


def change_case(draw: random.Random, text: str) -> str:
    """Swap the case of a part."""
    start, end = sorted((_place(draw, text), _place(draw, text)))
    return text[:start] + text[start:end].swapcase() + text[end:]


def look_alike(draw: random.Random, text: str) -> str:
    """Replace a letter by one that looks like it."""
    places = [number for number, char in enumerate(text) if char in _LOOKALIKES]
    if not places:
        return text
    at = draw.choice(places)
    return text[:at] + _LOOKALIKES[text[at]] + text[at + 1 :]


def quote(draw: random.Random, text: str) -> str:
    """Put quotes around a word."""
    words = text.split(" ")
    at, mark = draw.randrange(len(words)), draw.choice("'\"")
    words[at] = f"{mark}{words[at]}{mark}"
    return " ".join(words)


def repeat_line(draw: random.Random, text: str) -> str:
    """Write a line twice, or two thousand times."""
    lines = text.splitlines(keepends=True) or [text]
    at = draw.randrange(len(lines))
    return "".join([*lines[:at], lines[at] * draw.choice((2, 2, 3, 2000)), *lines[at:]])


def move_line(draw: random.Random, text: str) -> str:
    """Exchange two lines, or indent one."""
    lines = text.splitlines(keepends=True) or [text]
    first, second = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[first], lines[second] = lines[second], " " * draw.randrange(5) + lines[first]
    return "".join(lines)


def lengthen(draw: random.Random, text: str) -> str:
    """Repeat a part so often that it is as long as a recipe may be, or longer."""
    start, end = sorted((_place(draw, text), _place(draw, text)))
    return text[:start] + text[start:end] * draw.choice((2, 50, 400)) + text[end:]


def line_ends(draw: random.Random, text: str) -> str:
    """Use the line ends of another system."""
    return text.replace("\n", draw.choice(("\r\n", "\r", "\n\n", "\u2028", "\n\r")))


MUTATIONS: Sequence[Mutate] = (
    insert, replace_scalar, nest, change_case, look_alike, quote, repeat_line, move_line, lengthen, line_ends,
)  # fmt: skip


def mutated(draw: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return a recipe with one to four mutations, the last of them perhaps of its bytes."""
    text = draw.choice(seeds).decode(errors="replace")
    if draw.random() < 0.1:  # a part of another recipe below it
        text += "\n" + draw.choice(seeds).decode(errors="replace")
    for _ in range(draw.choice((1, 1, 2, 3))):
        text = draw.choice(MUTATIONS)(draw, text)[:200_000]
    raw = bytearray(text.encode(errors="surrogatepass"))
    if raw and draw.random() < 0.3:
        for _ in range(draw.choice((1, 2, 8))):
            raw[draw.randrange(len(raw))] = draw.randrange(256)
    if draw.random() < 0.05:
        raw = raw[: draw.randrange(len(raw) + 1)]
    return draw.choice((b"", b"", b"", b"\xef\xbb\xbf")) + bytes(raw)


def seeds() -> list[bytes]:
    """Return the recipes that mutations begin with: the shipped ones twice as often as the hostile ones."""
    shipped = [path.read_bytes() for path in sorted((ROOT / "recipes").glob("*.yaml"))]
    hostile = [path.read_bytes() for path in sorted((HERE / "recipes").glob("*.yaml"))]
    return shipped * max(1, 2 * len(hostile) // max(1, len(shipped))) + hostile


@dataclass
class Outcome:
    """What became of all mutations, and the slowest ones: seconds and content."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: list[tuple[float, bytes]] = field(default_factory=list)

    def add(self, seconds: float, raw: bytes) -> None:
        """Count the time of one."""
        self.slowest = sorted([*self.slowest, (seconds, raw)], key=lambda each: -each[0])[:10]


def try_all(count: int, *, seed: int, folder: Path) -> Outcome:
    """Try so many mutations, written to `folder` one after the other."""
    draw, outcome, start = random.Random(seed), Outcome(), seeds()
    path = folder / "mutated.yaml"
    for text in ("seed: 1", "model: {name: unknown}"):  # imports Hydra, and the list of installed packages
        path.write_text(text)
        with contextlib.suppress(ConfigError):
            _plan(path, compose_too=True)
    for number in range(count):
        raw = mutated(draw, start)
        path.write_bytes(raw)
        began = time.process_time()
        try:
            _plan(path, compose_too=number % _COMPOSED_EVERY == 0)
            outcome.counts["accepted"] += 1
        except ConfigError as error:
            outcome.counts["refused"] += 1
            said = str(error)
            if any(not char.isprintable() and char != "\n" for char in said) or not said:
                outcome.failures.append(f"prints control characters: {raw!r}")
        except BaseException as error:  # noqa: BLE001 - what the test looks for
            outcome.failures.append(f"{type(error).__name__}: {error}: {raw[:2000]!r}")
        outcome.add(time.process_time() - began, raw)
    return outcome


def _plan(path: Path, *, compose_too: bool) -> None:
    catalog = Catalog()
    if b"interval" in path.read_bytes():  # a grid has no values for it
        words = [f"recipe={path}", "search=random", "search.trials=2"]
        plan_search(parse_overrides(words, catalog, multirun=True), catalog).example_plans()
        return
    plans = plan_runs(parse_overrides([f"recipe={path}"], catalog, multirun=True), catalog)
    if compose_too and len(plans) == 1:
        compose(plans[0], catalog)


def main() -> int:
    """Try mutations and print what became of them; returns 1 if any failed or took too long."""
    parser = argparse.ArgumentParser(description="Mutated recipes give a ConfigError or none, and soon.")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = try_all(arguments.count, seed=arguments.seed, folder=Path(folder))
    print(", ".join(f"{name} {number:,}" for name, number in outcome.counts.items()))
    print("slowest:", ", ".join(f"{seconds:.3f} s" for seconds, _ in outcome.slowest))
    slow = [each for each in outcome.slowest if each[0] > MOST_S]
    for seconds, raw in slow:
        print(f"SLOW {seconds:.2f} s: {len(raw):,} bytes, {raw[:300]!r}")
    for failure in outcome.failures[:20]:
        print("FAILED", failure)
    print(f"{len(outcome.failures)} failures")
    return 1 if outcome.failures or slow else 0


if __name__ == "__main__":
    sys.exit(main())
