"""Rows per second on a quiet and on a busy machine, and of several runs at once: what device.threads=auto is for.

    python -m benchmarks.threads [--rounds 2] [--workloads mlp,lenet,lstm] [--runs 2,4,8] [--seconds 10]

First table: dlrun with its defaults beside the loop of tutorials with torch's default (a thread for each core), alone
on the machine and beside one process that computes all the time. Each measurement is a process; the median over rounds
is printed. A process that has not ended after 20 seconds counts as if it had trained all its rows in them.

Second table: so many runs of the MLP at once, each started by its own command and training for --seconds. The fair
share is what one run has alone with one thread, times the cores; "of it" is the sum of all runs' rows per second.

It takes up to five minutes on two cores. Nothing else may run.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.arguments import at_least_one, chosen_names
from benchmarks.contestants.ours import MODELS, write_images
from benchmarks.training import epoch_seconds
from benchmarks.workload import BATCH_SIZE, WORKLOADS, Workload

SIZES = {"mlp": (10_000, 3), "lenet": (3_000, 3), "lstm": (2_000, 3)}
"""Rows and epochs: a second or two on a quiet machine, many on a busy one for a loop with too many threads."""

CONTESTANTS = {"dlrun": "ours_auto", "plain loop": "plain"}
_LONGEST_S = 20
_BUSY = "while True: pass"


def own_environment() -> dict[str, str]:
    """Return the environment without a number of threads: each contestant has its default."""
    return {name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}


@contextlib.contextmanager
def busy(*, wanted: bool) -> Iterator[None]:
    """A context in which one other process computes all the time, if wanted."""
    if not wanted:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", _BUSY]) as other:
        try:
            yield
        finally:
            other.kill()


def measure(contestant: str, workload: Workload) -> tuple[float, int | None]:
    """Return rows per second and the number of threads of one process; None if it did not end in time."""
    command = [sys.executable, "-m", "benchmarks.one", contestant, workload.name]
    try:
        done = subprocess.run(
            [*command, str(workload.rows), str(workload.epochs)],
            env=own_environment(),
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return workload.rows * workload.epochs / _LONGEST_S, None
    if done.returncode:
        raise SystemExit(f"{contestant} on {workload.name} failed:\n{done.stderr[-3000:]}")
    measured = json.loads(done.stdout.splitlines()[-1])
    return workload.rows / epoch_seconds(measured), int(measured["threads"])


def quiet_and_busy(workload: Workload, rounds: int) -> None:
    """Print a line for each contestant: threads, rows per second quiet and busy, and what is left when busy."""
    for name, contestant in CONTESTANTS.items():
        speeds, threads = [], "?"
        for wanted in (False, True):
            with busy(wanted=wanted):
                measured = [measure(contestant, workload) for _ in range(rounds)]
            speeds.append(statistics.median(speed for speed, _ in measured))
            threads = next((str(count) for _, count in measured if count is not None), threads)
        quiet, beside = speeds
        print(
            f"{workload.name:<8}{name:<12}{threads:>8}{quiet:>12,.0f}{beside:>12,.0f}{beside / quiet:>8.0%}", flush=True
        )


def at_once(count: int, seconds: int, *, threads: str = "auto") -> list[float]:
    """Return the rows per second of each of `count` runs that train the MLP at the same time."""
    workload = dataclasses.replace(WORKLOADS["mlp"], rows=10_000)
    with tempfile.TemporaryDirectory() as folder:
        data = write_images(workload, Path(folder))
        words = [
            *data, *MODELS["mlp"], f"trainer.batch_size={BATCH_SIZE}", "optimizer=adam", "dataset.val_fraction=0",
            "trainer.epochs=100000", f"trainer.max_time={seconds}s", "trainer.eval_every=0",
            "checkpoint.every_epochs=0", "dataset.baselines=false", "device=cpu", f"device.threads={threads}", "-q",
        ]  # fmt: skip
        folders = [f"{folder}/{number}" for number in range(count)]
        runs = [
            subprocess.Popen(
                [sys.executable, "-m", "dlrun", *words, f"hydra.run.dir={each}"],
                env={**own_environment(), "CI": "1"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for each in folders
        ]
        for run in runs:
            run.wait()
        return [float(json.loads(Path(each, "result.json").read_text())["samples_per_second"]) for each in folders]


def shares(counts: Sequence[int], seconds: int) -> None:
    """Print a line for each number of runs at once: rows per second of all, the fair share, and how much of it.

    One run alone is measured before and after them: a shared machine may be quicker at one time than at another.
    """
    cores = os.cpu_count() or 1
    print(f"\nruns at once, MLP, one thread each, {cores} cores")
    print(f"{'runs':>4}{'alone':>12}{'rows/s of all':>15}{'fair share':>12}{'of it':>8}{'slowest':>10}{'fastest':>10}")
    (before,) = at_once(1, seconds, threads="1")
    for count in counts:
        speeds = at_once(count, seconds)
        (after,) = at_once(1, seconds, threads="1")
        alone = (before + after) / 2
        fair = alone * min(cores, count)
        print(
            f"{count:>4}{alone:>12,.0f}{sum(speeds):>15,.0f}{fair:>12,.0f}{sum(speeds) / fair:>8.0%}"
            f"{min(speeds):>10,.0f}{max(speeds):>10,.0f}",
            flush=True,
        )
        before = after


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=at_least_one, default=2, help="repetitions, from 1 up (2)")
    parser.add_argument("--workloads", default=",".join(SIZES), help=f"of {', '.join(SIZES)}")
    parser.add_argument("--runs", default="2,4,8", help="how many runs at once (2,4,8)")
    parser.add_argument("--seconds", type=at_least_one, default=10, help="of each of them (10)")
    parser.add_argument("--rows", type=at_least_one, help="most rows of an epoch, for a quick check")
    parser.add_argument("--threads", type=at_least_one, help="ignored: each contestant has its default")
    options = parser.parse_args(words)
    names = chosen_names(parser, "workloads", options.workloads, SIZES)
    print(f"{'':<20}{'threads':>8}{'quiet':>12}{'busy':>12}{'left':>8}   rows per second, median of {options.rounds}")
    for name in names:
        rows, epochs = SIZES[name]
        sized = dataclasses.replace(WORKLOADS[name], rows=min(options.rows or rows, rows), epochs=epochs)
        quiet_and_busy(sized, options.rounds)
    shares([int(each) for each in options.runs.split(",")], options.seconds)


if __name__ == "__main__":
    main()
