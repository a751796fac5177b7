"""Sweeps: several points at once against one after another, and what a point costs besides its training.

    python -m benchmarks.sweeping [PART ...] [--rounds 3] [--jobs 2]

Parts: speed (points of one thread, --jobs at once against launch.jobs=1, in pairs of whole commands), bookkeeping
(sweeps of growing size of a tiny model: seconds of the command, of it what the points did not spend in their runs, for
each point; and from Enter to the first point).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arguments import at_least_one

PARTS = ("speed", "bookkeeping")
_QUIET = ("device=cpu", "device.threads=1", "dataset.baselines=false", "launch.pack=off", "-q")
_MODELS = {
    "MLP on digits": (
        "dataset=digits",
        "model=mlp",
        "model.hidden=[256,256]",
        "trainer.eval_every=20",
        "trainer.epochs=120",
    ),
    "CNN on digits": ("dataset=digits", "model=cnn", "trainer.eval_every=20", "trainer.epochs=24"),
}
_TINY = ("dataset=iris", "model=linear", "trainer.epochs=1", "checkpoint.every_epochs=0")


@dataclass(frozen=True)
class Sweep:
    """A command, measured. seconds: of the whole; first: until the first point began; runs: of each point."""

    seconds: float
    first: float
    runs: Sequence[float]

    def rest(self, jobs: int) -> float:
        """Return the seconds a point that its run, one of `jobs` at once, did not take."""
        return (self.seconds - sum(self.runs) / jobs) / len(self.runs)


def run(words: Sequence[str]) -> Sweep:
    """Run a sweep as a command; ends the program if it fails."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as output:
        command = [sys.executable, "-m", "dlrun", "-m", *words, *_QUIET, "hydra.sweep.dir=sweep"]
        environment = {**os.environ, "CI": "1"}
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=output)
        first, place = None, Path(folder, "sweep")
        while process.poll() is None:
            if first is None and any(place.glob("*/.lock")):
                first = time.perf_counter() - started
            time.sleep(0.01 if first is None else 0.05)
        seconds = time.perf_counter() - started
        if process.returncode or first is None:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{output.read()[-2000:]}")
        rows = [json.loads(line) for line in (place / "sweep.jsonl").read_text().splitlines()]
    return Sweep(seconds, first, [row["seconds"] for row in rows])


def measure_speed(*, points: int, epochs: int | None, jobs: int, rounds: int) -> None:
    """Print the seconds of both ways and their ratio, of each pair of commands, which take turns in coming first."""
    print(f"\n{'model':<16}{'one by one':>12}{f'{jobs} at once':>12}{'ratio':>8}")
    for name, model in _MODELS.items():
        words = (*model, *(() if epochs is None else (f"trainer.epochs={epochs}",)), f"seed=range({points})")
        ratios = []
        for number in range(rounds):
            order = (1, jobs) if number % 2 == 0 else (jobs, 1)
            taken = {count: run((*words, f"launch.jobs={count}")).seconds for count in order}
            ratios.append(taken[1] / taken[jobs])
            print(f"{name:<16}{taken[1]:>10.2f} s{taken[jobs]:>10.2f} s{ratios[-1]:>8.2f}", flush=True)
        print(f"{name:<16}{'median':>24}{statistics.median(ratios):>8.2f}", flush=True)


def measure_bookkeeping(sizes: Sequence[int], *, jobs: int) -> None:
    """Print a line for each size of a sweep."""
    print(f"\n{'points':<8}{'seconds':>9}{'first point':>13}{'runs':>10}{'rest':>10}{'one more':>10}   ms a point")
    before: tuple[int, float] | None = None
    for size in sizes:
        sweep = run((*_TINY, f"seed=range({size})", f"launch.jobs={jobs}"))
        runs, rest = statistics.fmean(sweep.runs) / jobs, sweep.rest(jobs)
        more = "" if before is None else f"{1e3 * (sweep.seconds - before[1]) / (size - before[0]):.1f}"
        line = f"{size:<8,}{sweep.seconds:>9.2f}{sweep.first:>11.2f} s{1e3 * runs:>10.1f}{1e3 * rest:>10.1f}{more:>10}"
        print(line, flush=True)
        before = size, sweep.seconds


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; default: all")
    parser.add_argument("--rounds", type=at_least_one, default=3, help="pairs of commands for the speed (3)")
    parser.add_argument("--jobs", type=at_least_one, default=2, help="points at once (2)")
    parser.add_argument("--points", type=at_least_one, default=8, help="points for the speed (8)")
    parser.add_argument("--epochs", type=at_least_one, help="of each of them (for 5 s: MLP 120, CNN 24)")
    parser.add_argument("--sizes", default="100,300,1000", help="points for the bookkeeping (100,300,1000)")
    parser.add_argument("--threads", type=at_least_one, default=1, help="ignored: every point has one thread")
    asked = parser.parse_args(words)
    if unknown := sorted(set(asked.parts) - set(PARTS)):
        parser.error(f"unknown part {', '.join(unknown)}; choose from {', '.join(PARTS)}.")
    if "speed" in (asked.parts or PARTS):
        measure_speed(points=asked.points, epochs=asked.epochs, jobs=asked.jobs, rounds=asked.rounds)
    if "bookkeeping" in (asked.parts or PARTS):
        measure_bookkeeping([int(size) for size in asked.sizes.split(",")], jobs=asked.jobs)


if __name__ == "__main__":
    main()
