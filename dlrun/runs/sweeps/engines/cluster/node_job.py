"""What a cluster runs on one of its machines: the points of one job."""

from __future__ import annotations

import dataclasses
import os
import platform
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration.override_text import Value
from dlrun.errors import Interrupted
from dlrun.runs.sweeps.engines.cluster.file_channel import FileChannel
from dlrun.runs.sweeps.jobs import Job, Point, RunJob
from dlrun.storage.lock import wait_until_free
from dlrun.training.signals import StopRequest

_SAVED_NOTHING = "Stopped before training began; nothing was changed."
_LOCK_POLL_S = 0.5


@dataclass(frozen=True)
class NodeJob:
    """A job on its way to a machine; call it there. Plain data, so that it can be pickled.

    cwd: the folder in which the sweep was started, for relative paths. lock_wait_s: how long to wait for a process that
    still trains one of the points, such as one of a machine that was lost and lives on.
    """

    run_job: RunJob
    job: Job
    cwd: Path
    events: Path
    orders: Path
    lock_wait_s: float = 120.0

    def __call__(self, where: str = "") -> None:
        """Train the points; everything that happens is told in the file of events. A signal ends it, saved."""
        os.chdir(self.cwd)
        slurm = os.environ.get("SLURM_JOB_ID")
        where = where or ("" if slurm is None else f"SLURM job {slurm}")
        node = platform.node()
        channel = FileChannel(self.events, self.orders, where=f"{node}, {where}" if where else node)
        wanted = tuple(point for point in self.job.points if channel.stop_reason(point.number) is None)
        if not wanted:  # the sweep was stopped, or started again, while this job was waiting
            return
        try:
            with StopRequest(_SAVED_NOTHING) as stop, _preemption_stops(), stop.at_once():
                for point in wanted:  # what happens if the other process keeps the folder is told by the run
                    wait_until_free(point.folder / ".lock", patience_s=self.lock_wait_s, poll_s=_LOCK_POLL_S)
                self.run_job(dataclasses.replace(self.job, points=wanted), channel)
        except Interrupted:
            return  # each point that had begun has told its row; the sweep knows why


def resumed(job: Job) -> Job:
    """Return the same job, whose points go on from their newest checkpoint."""
    return dataclasses.replace(job, points=tuple(map(_resumed, job.points)))


def _resumed(point: Point) -> Point:
    if point.composed is not None and point.composed.config.resume != "never":
        return point
    settings = point.plan.point.settings
    if settings.get("resume", Value("never", "never")).value == "must":
        return point
    settings = {**settings, "resume": Value("auto", "auto")}
    plan = dataclasses.replace(point.plan, point=dataclasses.replace(point.plan.point, settings=settings))
    return dataclasses.replace(point, plan=plan, composed=None)  # its configuration says that it does not resume


@contextmanager
def _preemption_stops() -> Iterator[None]:
    """A block in which SIGUSR2, by which SLURM announces the end of a job's time, stops and saves as SIGTERM does."""

    def stop(number: int, frame: Any) -> None:
        del number, frame
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGUSR2, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR2, before)
