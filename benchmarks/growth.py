"""How cost grows with rows, parameters, epochs and sweep points: `python -m benchmarks.growth [--most 1000000]`.

Each line is a run of its own; the last column is the cost of one more, which stays the same where growth is a line.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

_QUIET = ("device=cpu", "checkpoint.every_epochs=0", "trainer.log_every=0", "-q")
_LINE = ("dataset=line", "dataset.standardise=true", "model=linear", "trainer.epochs=1", "trainer.batch_size=4096")
_WIDE = ("dataset=digits", "model=mlp", "trainer.epochs=1", "dataset.limit=600")
_LONG = ("dataset=iris", "model=mlp", "trainer.eval_every=0")
_POINTS = ("-m", "dataset=iris", "model=linear", "trainer.epochs=1")


def run(words: Sequence[str]) -> tuple[float, dict[str, Any]]:
    """Seconds of a command as a whole, and the result of its (first) run."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = [sys.executable, "-m", "dlrun", *words, *_QUIET, "--json"]
        done = subprocess.run(command, cwd=folder, env={**os.environ, "CI": "1"}, capture_output=True, text=True)
        seconds = time.perf_counter() - started
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        result = json.loads(done.stdout)
    return seconds, result if isinstance(result, dict) else result[0]


def report(what: str, sizes: Sequence[int], commands: Sequence[Sequence[str]]) -> None:
    """A line a size: seconds, peak memory where there is one run, and seconds for a thousand more."""
    print(f"\n{what:<14}{'seconds':>10}{'peak MiB':>10}{'ms for 1,000 more':>20}")
    before: tuple[int, float] | None = None
    for size, words in zip(sizes, commands, strict=True):
        seconds, result = run(words)
        more = "" if before is None else f"{(seconds - before[1]) / (size - before[0]) * 1e6:.2f}"
        peak = result.get("peak_memory_mib")
        print(f"{size:<14,}{seconds:>10.2f}{'' if peak is None else f'{peak:.0f}':>10}{more:>20}", flush=True)
        before = size, seconds


def main() -> None:
    """Measure all four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most-rows", type=int, default=10_000_000)
    parser.add_argument("--most-points", type=int, default=1000)
    asked = parser.parse_args()
    rows = [size for size in (10_000, 100_000, 1_000_000, 10_000_000) if size <= asked.most_rows]
    report("rows", rows, [(*_LINE, f"dataset.rows={size}") for size in rows])
    widths = (256, 512, 1024, 2048)
    parameters = [64 * width + width + width * width + width + 10 * width + 10 for width in widths]
    report("parameters", parameters, [(*_WIDE, f"model.hidden=[{width},{width}]") for width in widths])
    epochs = (10, 100, 1000, 10_000)
    report("epochs", epochs, [(*_LONG, f"trainer.epochs={count}") for count in epochs])
    points = [size for size in (10, 100, 1000) if size <= asked.most_points]
    report("sweep points", points, [(*_POINTS, f"seed=range({size})") for size in points])


if __name__ == "__main__":
    main()
