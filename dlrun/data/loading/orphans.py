"""Processes that must not outlive what started them."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """End this process with its parent, the process `parent`, on Linux at once, even while a signal has paused it.

    Elsewhere this does nothing.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended already
            os._exit(1)


def die_with_run() -> None:
    """End this process when the run that started it ends, in any way.

    A worker calls it first. A thread waits for the pipe that the run holds open: the parent of a worker is a server,
    which lives as long as its workers, so there is no death of the parent to wait for (PR_SET_PDEATHSIG).
    """
    run = multiprocessing.parent_process()
    if run is None:
        raise RuntimeError("Only a worker process of multiprocessing can exit with its run.")

    def follow() -> None:
        run.join()
        os._exit(1)

    threading.Thread(target=follow, name="dlrun-orphan", daemon=True).start()
