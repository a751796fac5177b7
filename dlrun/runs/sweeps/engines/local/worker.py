"""A process that trains points: forked from a nursery, it ends when the sweep ends, in any way."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from dlrun.errors import Interrupted
from dlrun.runs.sweeps.engines.local.messages import Imported, Needs, Signal, Stop
from dlrun.runs.sweeps.engines.local.sharing import SharingRunJob
from dlrun.runs.sweeps.jobs import Ended, Event, Job
from dlrun.runs.sweeps.rows import row_of_error
from dlrun.training.signals import StopRequest

_COMMON = ("dlrun.", "torch.", "numpy.", "PIL.", "sympy", "mpmath", "pyarrow.", "safetensors.")
"""Packages whose modules a nursery may import: that starts no threads and no GPU, and runs no code of the user."""


def work(pipe: Connection, run_job: SharingRunJob, *, output: int) -> None:
    """Train the jobs that come through the pipe, until there is one no more.

    output: a handle of the file that gets what the process writes to standard output and standard error.
    """
    for standard in (1, 2):
        os.dup2(output, standard)
    faulthandler.enable()
    known = set(sys.modules)
    with StopRequest():  # a run has its own within it; between jobs, and until then, a stop is kept here
        channel = PipeChannel(pipe, lambda: os._exit(1))
        while (job := channel.next_job()) is not None:
            if job.device is not None:  # it was forked from a process that has not loaded the data, for jobs with any
                use_gpu(job.device)
                with contextlib.suppress(Exception):  # the job tells the same error in its row
                    run_job.prepare(job)
            try:
                run_job(job, channel)
            except Interrupted:
                break
            except Exception as error:  # noqa: BLE001 - a defect must not hide what it did to the points
                channel.end_all(job, error)
            if imported := [name for name in sys.modules if name not in known and name.startswith(_COMMON)]:
                known.update(imported)
                channel.tell(Imported(imported))


def use_gpu(device: str) -> None:
    """Make one GPU (cuda:1), of those that the sweep may use, the only one of this process; before CUDA starts."""
    kind, _, index = device.partition(":")
    if kind == "cuda" and _VISIBLE not in _bound:
        visible = [name for name in os.environ.get(_VISIBLE, "").split(",") if name]
        os.environ[_VISIBLE] = _bound[_VISIBLE] = visible[int(index)] if visible else index


_VISIBLE = "CUDA_VISIBLE_DEVICES"
_bound: dict[str, str] = {}  # what was set, once


class PipeChannel:
    """A Channel over a pipe to the sweep; a thread reads what comes back.

    die: is called when the sweep has ended: at once, as its end would end a run in its own process.
    """

    def __init__(self, pipe: Connection, die: Callable[[], None]) -> None:
        self._pipe, self._die = pipe, die
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

    def tell(self, message: Event | Needs | Imported) -> None:
        """Send a message; without a sweep that reads it, this process ends."""
        try:
            with self._sending:
                self._pipe.send(message)
        except OSError:
            self._die()

    def _receive(self) -> None:
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                self._die()
                return
            if isinstance(message, Stop):
                self._reasons[message.point] = message.reason
            elif isinstance(message, Signal):
                os.kill(os.getpid(), message.number)
            else:
                self._jobs.put(message)
