"""Processes that must not outlive the run that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>


def die_with_parent(parent: int) -> None:
    """Ask the system to kill this process when its parent, of the process number given, ends, however that happens.

    To be called first thing in a worker. On Linux; elsewhere a worker sees its parent's closed pipe and ends by itself.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before it could be asked
        os._exit(1)
