"""Growth of the cost with rows, parameters, epochs and points: `python -m benchmarks.growth [--most-rows 1000000]`.

Each line is one run. The last column is the cost of one more row (parameter, ...) between two lines; it is constant if
the growth is linear. Rows, epochs and points are measured as whole commands; parameters by training time only, because
even a network of 64 million weights takes less time than the start of the command.
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
from typing import Any, Literal

from benchmarks.arguments import add_common, at_least_one

_QUIET = ("device=cpu", "checkpoint.every_epochs=0", "trainer.log_every=0", "-q")
_LINE = ("dataset=line", "dataset.standardise=true", "model=linear", "trainer.epochs=1", "trainer.batch_size=4096")
_WIDE = (
    "dataset=digits", "model=mlp", "trainer.epochs=2", "dataset.limit=1200", "trainer.eval_every=0", "optimizer=adam",
)  # fmt: skip
_LONG = ("dataset=iris", "model=mlp", "trainer.eval_every=0")
_POINTS = ("-m", "dataset=iris", "model=linear", "trainer.epochs=1")
_UNITS = {"ms": 1e3, "µs": 1e6, "ns": 1e9}


def run(words: Sequence[str]) -> tuple[float, dict[str, Any]]:
    """Return the seconds of a whole command and the result of its (first) run."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = [sys.executable, "-m", "dlrun", *words, *_QUIET, "--json"]
        done = subprocess.run(command, cwd=folder, env={**os.environ, "CI": "1"}, capture_output=True, text=True)
        seconds = time.perf_counter() - started
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        result = json.loads(done.stdout)
    return seconds, result if isinstance(result, dict) else result[0]


def report(
    what: str,
    sizes: Sequence[int],
    commands: Sequence[Sequence[str]],
    *,
    unit: Literal["ms", "µs", "ns"],
    training_only: bool = False,
) -> None:
    """Print a line for each size: seconds, peak memory (of a single run) and the cost of one more."""
    print(f"\n{what:<14}{'seconds':>10}{'peak MiB':>10}{f'{unit} for one more':>20}")
    before: tuple[int, float] | None = None
    for size, words in zip(sizes, commands, strict=True):
        seconds, result = run(words)
        if training_only:
            seconds = result["seconds"]["train"]
        more = "" if before is None else f"{(seconds - before[1]) / (size - before[0]) * _UNITS[unit]:.3f}"
        peak = result.get("peak_memory_mib")
        print(f"{size:<14,}{seconds:>10.2f}{'' if peak is None else f'{peak:.0f}':>10}{more:>20}", flush=True)
        before = size, seconds


def parameters_of(width: int) -> int:
    """Return the number of weights of two hidden layers of this width on the 64 pixels and ten classes of digits."""
    return 64 * width + width + width * width + width + 10 * width + 10


def up_to(most: int, sizes: Sequence[int]) -> list[int]:
    """Return the sizes up to `most`, and `most` itself if it is between two of them."""
    found = [size for size in sizes if size <= most]
    return [*found, most] if most not in found and most < max(sizes) else found


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print the four tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most-rows", type=at_least_one, default=10_000_000)
    parser.add_argument("--most-width", type=at_least_one, default=8192, help="units of each of two hidden layers")
    parser.add_argument("--most-epochs", type=at_least_one, default=10_000)
    parser.add_argument("--most-points", type=at_least_one, default=1000)
    add_common(parser, rounds=None)
    options = parser.parse_args(words)
    threads = f"device.threads={options.threads}"
    rows = up_to(options.most_rows, (10_000, 100_000, 1_000_000, 3_000_000, 10_000_000))
    report("rows", rows, [(*_LINE, threads, f"dataset.rows={size}") for size in rows], unit="µs")
    widths = up_to(options.most_width, (512, 1024, 2048, 4096, 8192))
    commands = [(*_WIDE, threads, f"model.hidden=[{width},{width}]") for width in widths]
    report("parameters", [parameters_of(width) for width in widths], commands, unit="ns", training_only=True)
    epochs = up_to(options.most_epochs, (10, 100, 1000, 3000, 10_000))
    report("epochs", epochs, [(*_LONG, threads, f"trainer.epochs={count}") for count in epochs], unit="ms")
    points = up_to(options.most_points, (10, 100, 300, 1000))
    report("sweep points", points, [(*_POINTS, threads, f"seed=range({size})") for size in points], unit="ms")


if __name__ == "__main__":
    main()
