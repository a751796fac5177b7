"""A function that trains nothing: what a point does is the name of its folder. For processes that need no torch."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import Interrupted
from dlrun.runs.sweeps.jobs import Channel, Ended, Job, Point, Started
from dlrun.runs.sweeps.rows import SweepRow, row_of_error
from dlrun.training.signals import StopRequest

_PATIENCE_S = 20.0


def job(folder: Path, number: int, acts: str) -> Job:
    """Return a job of one point that does what `acts` says."""
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides([f"seed={number}"], catalog, multirun=True), catalog)
    return Job((Point(number, plan, folder / f"{number}_{acts}"),))


@dataclass(frozen=True)
class Actor:
    """A SharingRunJob. notes: a file that gets a line for each `prepare`."""

    notes: Path
    fails: bool = False

    def __call__(self, job: Job, channel: Channel) -> None:
        (point,) = job.points
        name = point.folder.name.partition("_")[2]
        channel.report(Started(point.number, job.device or "", f"process {os.getpid()}"))
        try:
            error = getattr(self, f"_{name}")(point, channel)
        except Interrupted as stopped:
            channel.report(Ended(row_of_error(point.number, point.overrides, stopped, point.folder)))
            if channel.stop_reason(point.number) is None:
                raise
            return
        where = f"{os.getpid()} {job.threads}"
        channel.report(Ended(SweepRow(point.number, point.overrides, "completed", run_dir=where, error=error)))

    def composed(self, job: Job) -> Job:
        return job

    def data_key(self, job: Job) -> str | None:
        name = job.points[0].folder.name.partition("_")[2]
        return name if name.startswith("data") else None

    def silenced(self) -> Actor:
        return self

    def preload(self) -> int:
        if self.fails:
            raise ImportError("no module named torch")
        return 0

    def prepare(self, job: Job) -> int:
        with self.notes.open("a") as stream:
            stream.write(f"{self.data_key(job)} {os.getpid()}\n")
        if self.data_key(job) == "data_killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.data_key(job) == "data_slow":
            time.sleep(_PATIENCE_S)
        return 1000

    def _completes(self, point: Point, channel: Channel) -> None:
        print("not shown")

    _data_a = _data_b = _data_killed = _data_slow = _completes

    def _notice(self, point: Point, channel: Channel) -> None:
        print("notice: the same for all points")

    def _imports(self, point: Point, channel: Channel) -> str:
        import sys

        was_there = "numpy.polynomial" in sys.modules
        import numpy.polynomial  # noqa: F401

        return str(was_there)

    def _is_killed(self, point: Point, channel: Channel) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _crashes(self, point: Point, channel: Channel) -> None:
        ctypes.string_at(0)

    def _exits(self, point: Point, channel: Channel) -> None:
        os.write(2, b"the last words\n")
        os._exit(7)

    def _raises(self, point: Point, channel: Channel) -> None:
        raise ZeroDivisionError("a bug")

    def _meets(self, point: Point, channel: Channel) -> None:
        """Wait until another point is here too."""
        place = point.folder.parent / "met"
        place.mkdir(exist_ok=True)
        (place / str(point.number)).touch()
        until = time.monotonic() + _PATIENCE_S
        while len(list(place.iterdir())) < 2:
            if time.monotonic() > until:
                raise TimeoutError("No other point came.")
            time.sleep(0.01)

    def _waits(self, point: Point, channel: Channel) -> None:
        """Wait to be stopped, by a signal or by the sweep."""
        until = time.monotonic() + _PATIENCE_S
        with StopRequest() as stop:
            while time.monotonic() < until:
                stop.raise_if_requested("Stopped at step 3; everything is saved.")
                if channel.stop_reason(point.number) is not None:
                    raise Interrupted(signal.SIGTERM, "Stopped as the sweep asked.")
                time.sleep(0.01)
        raise TimeoutError("Nobody stopped this point.")
