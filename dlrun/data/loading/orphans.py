"""Processes that must not outlive the run that started them."""

from __future__ import annotations

import multiprocessing
import os
import threading


def die_with_run() -> None:
    """End this process when the run that asked for it ends, however that happens.

    To be called first thing in a worker. A thread waits for the pipe that the run holds open: a worker's parent is a
    server, which lives for as long as one worker does, so the death of the parent (PR_SET_PDEATHSIG) never comes.
    """
    run = multiprocessing.parent_process()
    if run is None:
        raise RuntimeError("Only a worker that multiprocessing started can die with its run.")

    def follow() -> None:
        run.join()
        os._exit(1)

    threading.Thread(target=follow, name="dlrun-orphan", daemon=True).start()
