"""A process that trains points: forked from a nursery, it ends when the sweep ends, in any way."""

from __future__ import annotations

import faulthandler
import os
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from dlrun.errors import Interrupted
from dlrun.runs.sweeps.engines.local.messages import Needs, Signal, Stop
from dlrun.runs.sweeps.jobs import Channel, Ended, Event, Job
from dlrun.runs.sweeps.rows import row_of_error
from dlrun.training.signals import StopRequest


def work(pipe: Connection, run_job: Callable[[Job, Channel], None], *, output: int) -> None:
    """Train the jobs that come through the pipe, until there is one no more.

    output: a handle of the file that gets what the process writes to standard output and standard error.
    """
    for standard in (1, 2):
        os.dup2(output, standard)
    faulthandler.enable()
    with StopRequest():  # a run has its own within it; between jobs, and until then, a stop is kept here
        channel = PipeChannel(pipe)
        while (job := channel.next_job()) is not None:
            if job.device is not None and job.device.startswith("cuda:"):
                use_gpu(int(job.device.removeprefix("cuda:")))
            try:
                run_job(job, channel)
            except Interrupted:
                break
            except Exception as error:  # noqa: BLE001 - a defect must not hide what it did to the points
                channel.end_all(job, error)


def use_gpu(index: int) -> None:
    """Make one of the GPUs that are visible to the sweep the only one of this process, before CUDA starts."""
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    if "DLRUN_GPU" in os.environ:  # by an earlier job
        return
    os.environ["DLRUN_GPU"] = str(index)
    os.environ["CUDA_VISIBLE_DEVICES"] = visible[index] if index < len(visible) else str(index)


class PipeChannel:
    """A Channel over a pipe to the sweep; a thread reads what comes back, and ends this process when the sweep ends."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._sending = threading.Lock()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._reasons: dict[int, str] = {}
        self._ended: set[int] = set()
        threading.Thread(target=self._receive, name="dlrun-sweep", daemon=True).start()

    def next_job(self) -> Job | None:
        """Wait for the next job; None if there is none."""
        return self._jobs.get()

    def report(self, event: Event) -> None:
        """Tell what happened."""
        if isinstance(event, Ended):
            self._ended.add(event.row.point)
        self.tell(event)

    def needs(self, peak: int, free: int) -> None:
        """Tell the bytes that a point needs, and that are free."""
        self.tell(Needs(peak, free))

    def stop_reason(self, point: int) -> str | None:
        """Return why a point should stop."""
        return self._reasons.get(point)

    def end_all(self, job: Job, error: Exception) -> None:
        """Report an error for every point of a job that has no end yet."""
        for point in job.points:
            if point.number not in self._ended:
                self.report(Ended(row_of_error(point.number, point.overrides, error, point.folder)))

    def tell(self, message: Event | Needs) -> None:
        """Send a message; without a sweep that reads it, this process ends."""
        try:
            with self._sending:
                self._pipe.send(message)
        except OSError:
            os._exit(1)

    def _receive(self) -> None:
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                os._exit(1)  # the sweep ended: at once, as it would end a run in its own process
            if isinstance(message, Stop):
                self._reasons[message.point] = message.reason
            elif isinstance(message, Signal):
                os.kill(os.getpid(), message.number)
            else:
                self._jobs.put(message)
