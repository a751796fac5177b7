"""How long a CPU thread that waits for the others of its step keeps its core: long waits starve a busy machine.

Threads of a step meet after each product. GNU's OpenMP, with which torch is built on Linux, lets one that is early spin
for some milliseconds before it sleeps. Where another process has the core of the one it waits for, it spins that long
at each of some hundred meetings a step. Short waits end within the spins; the bytes of a run do not depend on them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping

SPINS = 1_500
"""About 40 microseconds. Measured (docs/threads.md): with fewer, a quiet machine is slower; with more, a busy one."""

_CHOSEN = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def wait_briefly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let threads that wait give up their core soon, unless the user has chosen how they wait.

    Has an effect on Linux on x86-64, where it was measured, and before torch is imported: OpenMP reads the environment
    when it is loaded. Processes that this one starts inherit it.
    """
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return
    if not any(name in environment for name in _CHOSEN):
        environment["GOMP_SPINCOUNT"] = str(SPINS)
