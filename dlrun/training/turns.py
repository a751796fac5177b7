"""Longer turns on a busy processor, for runs that compute with one thread.

Where more runs than cores train at once, each turn of one begins by reading weights, states and rows into the caches
that the others have filled. Linux 6.12 and newer let a thread ask for the length of its turns, and let threads with
shorter ones go first, so that programs in use stay quick. Elsewhere nothing changes. No byte of a run depends on it.

Source: sched_setattr(2), and Documentation/scheduler/sched-eevdf.rst of Linux.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dlrun.optim.device import Device

TURN_NS = 20_000_000
"""The usual 3 ms are a few steps of a small model; reading 2 MB of weights and states anew takes a tenth of that."""

_CALLS = {"x86_64": (314, 315), "aarch64": (274, 275)}  # numbers of sched_setattr and sched_getattr
_FAIR = (0, 3)  # SCHED_OTHER and SCHED_BATCH; other policies are somebody's choice
_BATCH = 3


class Attributes(ctypes.Structure):
    """How the kernel schedules a thread: `struct sched_attr` in its first version."""

    _fields_ = (
        ("size", ctypes.c_uint32), ("policy", ctypes.c_uint32), ("flags", ctypes.c_uint64), ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32), ("runtime", ctypes.c_uint64), ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )  # fmt: skip


@contextmanager
def long_turns(device: Device) -> Iterator[None]:
    """A context in which this thread's turns are long, if it computes alone on the processor.

    Threads and processes that meet after every product need each other's turn soon: theirs stay as they are.
    """
    before = attributes() if device.is_cpu and device.threads == 1 and device.group.is_alone else None
    if before is None or before.policy not in _FAIR:
        yield
        return
    _set(before, policy=_BATCH, runtime=TURN_NS)
    try:
        yield
    finally:
        _set(before, policy=before.policy, runtime=before.runtime)


def attributes() -> Attributes | None:
    """Return how this thread is scheduled; None where the kernel cannot be asked or does not know turns."""
    if sys.platform != "linux" or platform.machine() not in _CALLS:
        return None
    found, (_, number) = Attributes(), _CALLS[platform.machine()]
    failed = ctypes.CDLL(None).syscall(number, 0, ctypes.byref(found), ctypes.sizeof(found), 0)
    return None if failed or not found.runtime else found


def _set(before: Attributes, *, policy: int, runtime: int) -> None:
    """Change policy and turns of this thread. A kernel that refuses leaves them as they are, which costs only speed."""
    wanted = Attributes(ctypes.sizeof(before), policy, 0, before.nice, 0, runtime)
    ctypes.CDLL(None).syscall(_CALLS[platform.machine()][0], 0, ctypes.byref(wanted), 0)
