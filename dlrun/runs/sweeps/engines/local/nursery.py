"""The process that workers are forked from: it imports torch once, loads data once, and never trains.

It uses one thread and no GPU, since neither survives a fork. A nursery that loads data is itself forked from the first
one, so that data of several kinds is loaded at the same time, a crash while loading takes only the points that wait for
it, and the memory returns when the nursery ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any, NoReturn

from dlrun.data.loading.orphans import die_with
from dlrun.runs.sweeps.engines.local.messages import Branch, Fork, Gone, Import, Prepared, Ready
from dlrun.runs.sweeps.engines.local.sharing import SharingRunJob
from dlrun.runs.sweeps.engines.local.worker import work
from dlrun.runs.sweeps.jobs import Job


def main(handle: int, sweep: int) -> None:
    """Be the first nursery of a sweep, in a new process: `handle` is its end of a pipe to the process `sweep`."""
    pipe = Connection(handle)
    die_with(sweep)
    run_job = pipe.recv()
    pipe.send(Ready(run_job.preload()))
    _serve(pipe, run_job)


def _serve(pipe: Connection, run_job: SharingRunJob) -> None:
    """Fork what the sweep asks for, and tell it which of these processes ended, until its pipe closes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # a worker handles them; the sweep ends this process
    children: dict[int, int] = {}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, _ignore)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def fork(number: int, run: Callable[[], Any]) -> None:
        process = os.fork()
        if process:
            children[process] = number
            return
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(woken)
            os.close(wake)
            pipe.close()
            run()
        except BaseException:  # noqa: BLE001 - of this process, which ends here
            sys.excepthook(*sys.exc_info())
            _end(1)
        _end(0)

    gc.collect()
    gc.freeze()  # else the collector of each worker would write to, and so copy, the memory that they share
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            ready, _, _ = select.select([pipe.fileno(), woken], [], [])
            if woken in ready:
                os.read(woken, 4096)
                _reap(children, pipe)
            if pipe.fileno() in ready:
                _obey(pipe, fork, run_job)


def _obey(pipe: Connection, fork: Callable[[int, Callable[[], Any]], None], run_job: SharingRunJob) -> None:
    """Do what the next message asks for."""
    message = pipe.recv()
    if isinstance(message, Import):
        _import(message.names)
        return
    handle = recv_handle(pipe)
    if isinstance(message, Fork):
        output = recv_handle(pipe)
        fork(message.number, lambda: work(Connection(handle), run_job, output=output))
        os.close(output)
    elif isinstance(message, Branch):
        parent = os.getpid()
        fork(message.number, lambda: _branch(Connection(handle), run_job, message.job, parent=parent))
    os.close(handle)


def _branch(pipe: Connection, run_job: SharingRunJob, job: Job, *, parent: int) -> None:
    """Be a nursery that has loaded the data of a job."""
    die_with(parent)
    num_bytes = 0
    with contextlib.suppress(Exception):  # the job loads the data itself then, and tells the same error in its row
        num_bytes = run_job.prepare(job)
    pipe.send(Prepared(num_bytes))
    _serve(pipe, run_job)


def _import(names: Sequence[str]) -> None:
    """Import modules that a worker needed, so that the next one has them."""
    for name in names:
        with contextlib.suppress(Exception):  # what needs the module tells why it cannot be imported
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _reap(children: dict[int, int], pipe: Connection) -> None:
    """Tell the sweep of every child that ended."""
    while children:
        process, status = os.waitpid(-1, os.WNOHANG)
        if not process:
            return
        if process in children:
            pipe.send(Gone(children.pop(process), os.waitstatus_to_exitcode(status)))


def _ignore(number: int, frame: object) -> None:
    """Do nothing; a signal that is ignored by SIG_IGN would not wake the loop."""


def _end(code: int) -> NoReturn:
    """End a forked process without what its parent registered for its own end."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
