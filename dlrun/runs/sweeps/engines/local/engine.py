"""The engine of this machine: every point in a process of its own, several at the same time."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from types import TracebackType

from dlrun.errors import Interrupted
from dlrun.runs.sweeps.engines.local.capacity import Places, Room, places_before_start
from dlrun.runs.sweeps.engines.local.endings import repeat_notices, row_of_death, row_of_waiting
from dlrun.runs.sweeps.engines.local.fleet import Fleet
from dlrun.runs.sweeps.engines.local.messages import Imported, Needs, Signal, Stop
from dlrun.runs.sweeps.engines.local.processes import Worker
from dlrun.runs.sweeps.engines.local.sharing import SharingRunJob
from dlrun.runs.sweeps.jobs import Ended, Event, Job
from dlrun.training.signals import StopRequest

_LOOK_S = 0.1  # between two looks at whether a signal came
_PATIENCE_S = 2.0  # for points that had not begun when a signal came, as their data is still being loaded


class Local:
    """An engine whose workers are forked from a process that imported torch, and from others that loaded the data.

    places: returns where points are trained, given the number of GPUs that torch can use.
    A worker trains one job after another: on a GPU all of them, to keep its place in the GPU's memory; on the CPU those
    with the same data that come within its first seconds, since a small point takes less time than a fork.
    """

    def __init__(self, run_job: SharingRunJob, places: Callable[[int], Places]) -> None:
        self._run_job, self._find_places = run_job, places
        self._fleet = Fleet(run_job)
        self._stop = StopRequest()
        self._known: Places | None = None
        self._stopped_at: float | None = None
        self._queue: deque[Job] = deque()
        self._rooms: defaultdict[str | None, Room] = defaultdict(Room)
        self._told: set[str] = set()  # notices, of which many points have the same
        self._events: list[Event] = []

    def __enter__(self) -> Local:
        self._stop.__enter__()
        self._fleet.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._fleet.kill()
        self._stop.__exit__(kind, error, trace)

    @property
    def _places(self) -> Places:
        if self._known is None:
            self._known = self._find_places(self._fleet.num_cuda())
        return self._known

    @property
    def capacity(self) -> int:
        """How many jobs run at once."""
        return len(self._places.devices)

    @property
    def threads(self) -> int:
        """CPU threads of each point that leaves them open."""
        return (self._known or places_before_start(self._find_places)).threads

    @property
    def _running(self) -> list[Worker]:
        return [worker for worker in self._fleet.workers if worker.left]

    def submit(self, job: Job) -> None:
        """Begin a job, or let it wait for memory."""
        if self._stop.signal is None:
            self._queue.append(job)
            self._begin()

    def events(self, timeout_s: float | None = None) -> Sequence[Event]:
        """Wait until something happened, and return it.

        Raises Interrupted after a signal, once every point that had begun was saved and its end returned.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._obey_signal()
            self._begin()
            if self._events or not (self._running or self._queue):
                break
            self._listen(_LOOK_S if until is None else max(0.0, min(_LOOK_S, until - time.monotonic())))
            if self._events or (until is not None and time.monotonic() >= until):
                break
        found, self._events = self._events, []
        if not found and not self._running and self._stop.signal is not None:
            raise Interrupted(self._stop.signal, "The sweep was stopped.")
        return found

    def stop_point(self, point: int, reason: str) -> None:
        """Ask a point to save and stop; one that waits for memory does not begin."""
        for worker in self._running:
            if point in worker.left:
                worker.send(Stop(point, reason))
        for job in [job for job in self._queue if any(each.number == point for each in job.points)]:
            self._queue.remove(job)
            self._events += [Ended(row_of_waiting(each, reason)) for each in job.points]

    def _begin(self) -> None:
        """Begin jobs that wait, while there is a place and memory for them."""
        while self._queue and self._stop.signal is None:
            taken = Counter(worker.device for worker in self._running)
            free = Counter(self._places.devices) - taken
            devices = [device for device in free if free[device] > 0 and self._has_room(device)]
            if not devices:
                return
            self._place(self._queue.popleft(), max(devices, key=lambda device: free[device]))

    def _has_room(self, device: str | None) -> bool:
        beside = [worker for worker in self._running if worker.device == device]
        return not self._places.by_memory or self._rooms[device].has_room(beside)

    def _place(self, job: Job, device: str | None) -> None:
        """Give a job to a worker."""
        job = dataclasses.replace(job, threads=job.threads or self._places.threads, device=device)
        job = self._run_job.composed(job)
        key = None if device is not None else self._run_job.data_key(job)
        worker = self._fleet.idle(device or key) or self._fleet.fork(job, key, keeps=device or key)
        worker.job, worker.needs, worker.left = job, None, {point.number for point in job.points}
        worker.send(job)
        if worker.keeps is None:
            worker.dismiss()

    def _listen(self, timeout_s: float) -> None:
        """Take in what processes tell."""
        for worker, message in self._fleet.receive(timeout_s):
            if message is None:
                self._bury(worker)
            elif isinstance(message, Needs):
                self._rooms[worker.device].learn(worker, peak=message.peak, free=message.free)
            elif isinstance(message, Imported):
                worker.nursery.load(message.names)
            else:
                worker.has_begun = True
                if isinstance(message, Ended) and worker.end(message.row.point):
                    repeat_notices(worker.printed(), self._told)
                self._events.append(message)

    def _bury(self, worker: Worker) -> None:
        """Make rows of what a worker left undone, or begin it again; and repeat its notices."""
        printed = worker.printed()
        repeat_notices(printed, self._told)
        left = [] if worker.job is None else [each for each in worker.job.points if each.number in worker.left]
        if worker.job is not None and left and worker.was_never_forked and self._stop.signal is None:
            self._queue.appendleft(worker.job)
        else:
            self._events += [Ended(row_of_death(point, worker, printed)) for point in left]
        worker.left = set()

    def _obey_signal(self) -> None:
        """After a signal, begin nothing more, and let every point that has begun save and stop."""
        if self._stop.signal is None:
            return
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
            self._queue.clear()
            for worker in self._running:
                worker.send(Signal(self._stop.signal))
        if time.monotonic() > self._stopped_at + _PATIENCE_S:
            for worker in self._running:
                if not worker.has_begun:
                    worker.left = set()  # it wrote nothing, and ends with the engine
