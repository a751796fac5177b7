"""The sweep's side of its processes: nurseries and workers, their pipes, and what they print."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import IO, Any

from dlrun.runs.sweeps.engines.local.messages import Branch, Fork, Import
from dlrun.runs.sweeps.jobs import Job

_BEGIN = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from dlrun.runs.sweeps.engines.local.nursery import main
main(int(sys.argv[2]), int(sys.argv[3]))
"""
_SHOWN_BYTES = 4000
_KEPT_S = 20.0  # a worker on the CPU takes jobs for so long; then its memory returns


@dataclass(eq=False)
class Nursery:
    """A process that workers are forked from. key: of the data that it has loaded, if any."""

    number: int
    pipe: Connection
    key: str | None = None
    num_bytes: int = 0
    status: int | None = None  # once it ended: its exit code, or minus a signal
    is_gone: bool = False
    imported: set[str] = field(default_factory=set)  # modules, besides those that it began with

    def fork(self, number: int) -> Worker:
        """Fork a worker."""
        ours, theirs = Pipe()
        output = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process is known
        self._send(Fork(number), theirs.fileno(), output.fileno())
        theirs.close()
        return Worker(number, ours, self, output)

    def branch(self, number: int, job: Job, key: str) -> Nursery:
        """Fork a nursery that loads the data of a job."""
        ours, theirs = Pipe()
        self._send(Branch(number, job), theirs.fileno())
        theirs.close()
        return Nursery(number, ours, key)

    def load(self, names: Sequence[str]) -> None:
        """Import modules that a worker needed."""
        if new := [name for name in names if name not in self.imported]:
            self.imported.update(new)
            self._send(Import(new))

    def _send(self, message: Any, *handles: int) -> None:
        """Send a message and handles; a nursery that has just died is noticed where its pipe is read."""
        with contextlib.suppress(ConnectionError):
            self.pipe.send(message)
            for handle in handles:
                send_handle(self.pipe, handle, None)


@dataclass(eq=False)
class Worker:
    """A process that trains points."""

    number: int
    pipe: Connection
    nursery: Nursery
    output: IO[bytes]
    job: Job | None = None  # that it runs now
    left: set[int] = field(default_factory=set)  # the points of the job that have no end yet
    needs: int | None = None  # bytes of memory, once they are known
    status: int | None = None  # once it ended
    has_begun: bool = False  # whether it told anything
    keeps: str | None = None  # the GPU, or the data, that it keeps for its next job; None: there is none
    began: float = field(default_factory=time.monotonic)
    is_silent: bool = False  # whether everything it sent was read, and it ended

    @property
    def device(self) -> str | None:
        """Of its job; None is the CPU."""
        return None if self.job is None else self.job.device

    def send(self, message: Any) -> None:
        """Send a message; that a worker has died is noticed where its pipe is read."""
        with contextlib.suppress(ConnectionError):
            self.pipe.send(message)

    def dismiss(self) -> None:
        """Let the process end once it has trained its job."""
        self.keeps = None
        self.send(None)

    @property
    def is_idle(self) -> bool:
        """Whether it waits for another job."""
        return self.keeps is not None and not self.left and not self.is_silent

    def end(self, point: int) -> bool:
        """Take note that a point of the job ended; return whether it was the last one."""
        self.left.discard(point)
        if not self.left and self.device is None and time.monotonic() - self.began > _KEPT_S:
            self.dismiss()
        return not self.left

    @property
    def is_over(self) -> bool:
        """Whether it ended, and how is known or cannot be."""
        return self.is_silent and (self.status is not None or self.nursery.is_gone)

    @property
    def was_never_forked(self) -> bool:
        """Whether it never began, because something killed the first nursery: another one may fork it."""
        return not self.has_begun and self.nursery.is_gone and self.nursery.status is None

    def printed(self) -> str:
        """Return the end of what the process printed."""
        return tail(self.output)


def tail(stream: IO[bytes]) -> str:
    """Return the end of a file, as text."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _SHOWN_BYTES))
    return stream.read().decode(errors="replace")


def start_nursery(handle: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the process of the first nursery. handle: of its pipe to the sweep. output: of what it prints."""
    return subprocess.Popen(
        [sys.executable, "-c", _BEGIN, json.dumps(sys.path), str(handle), str(os.getpid())],
        pass_fds=(handle,),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,  # Ctrl-C reaches the sweep alone, which tells the workers
    )


class Root:
    """The first nursery, in a new process group, which all others belong to."""

    def __init__(self, run_job: Any) -> None:
        ours, theirs = Pipe()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process is known
        self._process = start_nursery(theirs.fileno(), self._output)
        theirs.close()
        self.nursery = Nursery(-1, ours)
        with contextlib.suppress(ConnectionError):
            ours.send(run_job)

    def printed(self) -> str:
        """Return the end of what the process printed."""
        return tail(self._output)

    def kill(self) -> int:
        """End this process and all that were forked from it at once; return its exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # not waited for yet: no other process has its number
        code = self._process.wait()
        self.nursery.pipe.close()
        self._output.close()
        return code
