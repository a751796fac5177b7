"""What a sweep costs besides training: `python -m benchmarks.sweep_start [--points 1000] [--rounds 3]`.

Seconds from Enter until the first point has its folder, and milliseconds a point of the driver and the ledger, with an
engine that trains nothing: for new points, and for a sweep that goes on where each point has failed.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.sweeps.driver import Driver
from dlrun.runs.sweeps.engines.in_process import InProcess
from dlrun.runs.sweeps.folder import open_ledger
from dlrun.runs.sweeps.going_on import LedgerPlaces
from dlrun.runs.sweeps.jobs import Channel, Ended, Event, Job
from dlrun.runs.sweeps.ledger import SweepCommand
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.runs.sweeps.search.grid import Grid

_WORDS = ("dataset=iris", "model=mlp", "trainer.epochs=1", "device=cpu", "device.threads=1")


def first_point(num_points: int, *, jobs: int) -> float:
    """Return the seconds from starting a sweep until its first point has its folder; the sweep is then stopped."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "sweep"
        words = ["-m", *_WORDS, f"seed=range({num_points})", f"launch.jobs={jobs}", f"hydra.sweep.dir={folder}"]
        started = time.perf_counter()
        sweep = subprocess.Popen(
            [sys.executable, "-m", "dlrun", *words, "--quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not (folder / "0" / ".lock").exists() and sweep.poll() is None:
            time.sleep(0.002)
        seconds = time.perf_counter() - started
        sweep.send_signal(signal.SIGTERM)
        sweep.wait()
    return seconds


def bookkeeping(num_points: int) -> Iterator[tuple[str, float]]:
    """Yield, for a new sweep and for one that goes on, the seconds of the driver and the ledger for each point."""
    catalog = Catalog()
    words = (*_WORDS, f"seed=range({num_points})")
    plans = plan_runs(parse_overrides(words, catalog, multirun=True), catalog)
    with tempfile.TemporaryDirectory() as scratch:
        for what in ("new", "going on"):
            started = time.perf_counter()
            with contextlib.closing(open_ledger([f"hydra.sweep.dir={scratch}/sweep"], plans)) as ledger:
                ledger.note_command(SweepCommand(words))
                places = LedgerPlaces(ledger, catalog, tell=print)
                Driver(Grid(plans), InProcess(_fail), places, watch=_ignore).run()
            yield what, (time.perf_counter() - started) / num_points


def _fail(job: Job, channel: Channel) -> None:
    for point in job.points:
        best = {"metric": "val/loss", "value": 0.5, "epoch": 1, "step": 4}
        row = SweepRow(point.number, point.overrides, "failed", {"val/loss": 0.5}, best, 1.0, str(point.folder))
        channel.report(Ended(row))


def _ignore(event: Event) -> None:
    del event


def main(words: Sequence[str] | None = None) -> None:
    """Measure in rounds; print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(words)
    for jobs in (1, 2):
        seconds = [first_point(options.points, jobs=jobs) for _ in range(options.rounds)]
        print(f"first of {options.points} points, launch.jobs={jobs}: {statistics.median(seconds):.2f} s")
    for num_points in (options.points, 4 * options.points):
        rounds = [dict(bookkeeping(num_points)) for _ in range(options.rounds)]
        for what in rounds[0]:
            milliseconds = 1000 * statistics.median(each[what] for each in rounds)
            print(f"driver and ledger of {num_points} points, {what}: {milliseconds:.2f} ms a point")


if __name__ == "__main__":
    main()
