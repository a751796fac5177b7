"""Worker processes that must not outlive the run that started them."""

from __future__ import annotations

import multiprocessing
import os
import threading


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
