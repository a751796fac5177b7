"""A sweep on a cluster that schedules jobs itself (SLURM, Ray): submits them, reads events, runs lost points again."""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from dlrun.data.files.status_line import print_status
from dlrun.errors import Interrupted
from dlrun.runs.sweeps.engines.cluster.backend import Backend
from dlrun.runs.sweeps.engines.cluster.file_channel import LineReader, decode_event, order_stop
from dlrun.runs.sweeps.engines.cluster.folder import ClusterFolder
from dlrun.runs.sweeps.engines.cluster.losses import Losses
from dlrun.runs.sweeps.engines.cluster.machines import check_machines
from dlrun.runs.sweeps.engines.cluster.node_job import NodeJob, resumed
from dlrun.runs.sweeps.engines.cluster.probe import Needs
from dlrun.runs.sweeps.jobs import Ended, Event, Job, Point, RunJob
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.training.signals import StopRequest

_STOPPED = "The sweep was stopped before this point was saved; its last checkpoint is intact."


@dataclass
class _Attempt:
    """A job that was submitted, with those of its points that have not ended."""

    job: Job
    handle: Any
    events: LineReader
    over_since: float | None = None  # on the clock of time.monotonic


class ClusterEngine:
    """An Engine on a cluster. A point whose job was lost, or stopped by the scheduler, is submitted again."""

    def __init__(self, backend: Backend, run_job: RunJob, needs: Needs) -> None:
        self._backend, self._run_job, self._needs = backend, run_job, needs
        self._folder = ClusterFolder(needs.folder)
        self._losses = Losses()
        self._waiting: list[Job] = []  # not submitted yet: those of one moment are submitted together
        self._attempts: list[_Attempt] = []
        self._asked: dict[int, str] = {}  # the points that were asked to stop, and why
        self._stop = StopRequest()
        self._give_up_at: float | None = None  # set once the sweep was stopped
        self.capacity = backend.capacity

    def __enter__(self) -> ClusterEngine:
        """Reach the cluster and look at its machines. Raises ConfigError if they lack what the points need."""
        self._folder.open()
        try:
            self._backend.open(self._folder.scheduler)
            self._stop.__enter__()
            check_machines(self._backend, self._folder.make_probe(self._needs), self._stop)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            self._folder.remove()
            raise
        self.capacity = self._backend.capacity
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel every job, and leave the cluster."""
        self._stop.__exit__(kind, error, trace)
        left = [attempt.handle for attempt in self._attempts if attempt.job.points]
        if left:
            order_stop(self._folder.orders, "the sweep has ended")
            self._backend.cancel(left)
        self._backend.close()

    def submit(self, job: Job) -> None:
        """Keep the job until events are asked for, so that those of one moment reach the scheduler together."""
        self._waiting.append(dataclasses.replace(job, threads=job.threads or self._backend.threads))

    def stop_point(self, point: int, reason: str) -> None:
        """Ask a point to save and stop at its next evaluation."""
        self._asked[point] = reason
        order_stop(self._folder.orders, reason, point=point)

    def events(self, timeout_s: float | None = None) -> Sequence[Event]:
        """Return what happened, as Engine says."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            found = self._stop_all() if self._stop.signal is not None and self._give_up_at is None else []
            if self._give_up_at is None:
                self._submit_waiting()
            found += [event for attempt in list(self._attempts) for event in self._look_at(attempt)]
            if found:
                return found
            if self._give_up_at is not None and not self._attempts:
                raise Interrupted(int(self._stop.signal or 0), "Stopped.")
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                return []
            time.sleep(self._backend.poll_s if deadline is None else min(self._backend.poll_s, deadline - now))

    def _submit_waiting(self) -> None:
        if not self._waiting:
            return
        jobs, self._waiting = self._waiting, []
        made = [self._node_job(job) for job in jobs]
        handles = self._backend.submit(made)
        for job, node_job, handle in zip(jobs, made, handles, strict=True):
            self._attempts.append(_Attempt(job, handle, LineReader(node_job.events)))

    def _node_job(self, job: Job) -> NodeJob:
        return NodeJob(self._run_job, job, self._needs.cwd, self._folder.new_events(), self._folder.orders)

    def _look_at(self, attempt: _Attempt) -> list[Event]:
        """Return what a job told since the last look; if it is over and some of its points did not end, it is lost."""
        ending = self._backend.ending(attempt.handle)  # before its events are read, which are then all there
        found: list[Event] = []
        saved: list[Point] = []
        for event in map(decode_event, attempt.events.read()):
            if not isinstance(event, Ended):
                found.append(event)
                continue
            (point,) = (each for each in attempt.job.points if each.number == event.row.point)
            attempt.job = _without(attempt.job, [point])
            if event.row.status == "interrupted" and not self._is_asked(point):
                saved.append(point)  # the scheduler stopped it: it is preempted, or its time is up
            else:
                found.append(Ended(self._with_reason(event.row)))
        if saved:
            found += self._again(dataclasses.replace(attempt.job, points=tuple(saved)), "the scheduler stopped its job")
        if self._is_over(attempt, ending):
            self._attempts.remove(attempt)
            if attempt.job.points:
                found += self._again(attempt.job, ending or "it did not save in time")
        return found

    def _is_over(self, attempt: _Attempt, ending: str | None) -> bool:
        """Whether a job has ended and nothing more of it will be read."""
        now = time.monotonic()
        if ending is None:
            return self._give_up_at is not None and now >= self._give_up_at
        attempt.over_since = now if attempt.over_since is None else attempt.over_since
        return not attempt.job.points or now - attempt.over_since >= self._backend.late_s

    def _again(self, job: Job, reason: str) -> list[Event]:
        """Submit points again that have not ended; return the rows of those that are given up."""
        ended: list[Event] = []
        left = []
        for point in job.points:
            if self._is_asked(point):
                what = self._asked.get(point.number, _STOPPED)
                ended.append(Ended(_row(point, "interrupted", what, self._exit_code)))
            elif (why := self._losses.count(point, reason)) is not None:
                ended.append(Ended(_row(point, "failed", why, 1)))
            else:
                left.append(point)
        if left:
            numbers = ", ".join(str(point.number) for point in left)
            print_status(f"{self._backend.setting}: point {numbers} is submitted again: {reason.splitlines()[0]}")
            self._waiting.append(resumed(dataclasses.replace(job, points=tuple(left))))
        return ended

    def _stop_all(self) -> list[Event]:
        """Ask every job to save and end; return the rows of points that were not submitted."""
        self._give_up_at = time.monotonic() + self._backend.grace_s
        order_stop(self._folder.orders, "the sweep was stopped")
        self._backend.cancel([attempt.handle for attempt in self._attempts])
        jobs, self._waiting = self._waiting, []
        return [event for job in jobs for event in self._again(job, _STOPPED)]

    def _is_asked(self, point: Point) -> bool:
        return self._give_up_at is not None or point.number in self._asked

    def _with_reason(self, row: SweepRow) -> SweepRow:
        """Return a row that says why its point was asked to stop, if it was; the job knows only of its own signal."""
        if row.status != "interrupted":
            return row
        return dataclasses.replace(row, error=self._asked.get(row.point, row.error), exit_code=self._exit_code)

    @property
    def _exit_code(self) -> int:
        """Of a point that was asked to stop."""
        return 128 + int(self._stop.signal or signal.SIGTERM)


def _without(job: Job, points: Sequence[Point]) -> Job:
    return dataclasses.replace(job, points=tuple(point for point in job.points if point not in points))


def _row(point: Point, status: str, error: str, exit_code: int) -> SweepRow:
    return SweepRow(point.number, point.overrides, status, run_dir=str(point.folder), error=error, exit_code=exit_code)
