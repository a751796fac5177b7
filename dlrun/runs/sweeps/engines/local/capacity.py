"""How many points this machine trains at once, with how many threads each, and whether memory has room for one more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dlrun.configuration.machine import cores
from dlrun.runs.sweeps.engines.local.processes import Worker

_MOST_ON_A_GPU = 4
_BASE_BYTES = 64 << 20  # of a process, besides what its point needs: memory that is no longer shared
_SHARE = 0.9  # of free memory


@dataclass(frozen=True)
class Places:
    """Where points are trained at the same time.

    devices: one for each point at once; None is the CPU. threads: of each point that leaves them open.
    by_memory: whether fewer are used if memory has no room.
    """

    devices: Sequence[str | None]
    threads: int
    by_memory: bool


def find_places(jobs: int | None, *, num_cuda: int, threads: int | None, num_points: int | None) -> Places:
    """Return the places of a sweep.

    jobs: points at once; None is what the machine holds: a core for each thread, or up to four points a GPU.
    num_cuda: GPUs that the points use; 0 is the CPU. threads: that points ask for, if they do.
    """
    count = jobs
    if count is None:
        count = min(num_cuda * _MOST_ON_A_GPU, max(num_cuda, cores())) if num_cuda else cores() // (threads or 1)
        count = max(1, count if num_points is None else min(count, num_points))
    devices = [f"cuda:{place % num_cuda}" if num_cuda else None for place in range(count)]
    return Places(devices, threads or max(1, cores() // count), by_memory=jobs is None)


def places_before_start(find: Callable[[int], Places]) -> Places:
    """Return the places that an engine will have, before it has started a process that could tell. Imports torch.

    find: returns the places for a number of GPUs.
    """
    import torch

    return find(torch.cuda.device_count())


class Room:
    """Whether the memory of a device has room for one more point, by what the points before it needed."""

    def __init__(self) -> None:
        self._most = 0  # bytes that a point needed
        self._free: int | None = None  # bytes, before points took any

    def learn(self, worker: Worker, *, peak: int, free: int) -> None:
        """Take in what a worker tells."""
        worker.needs = peak + _BASE_BYTES
        self._most = max(self._most, worker.needs)
        self._free = free if self._free is None else self._free

    def has_room(self, running: Sequence[Worker]) -> bool:
        """Whether one more point may begin beside the running ones; the first tells what a point needs."""
        if not running:
            return True
        if self._free is None:
            return False
        taken = sum(self._most if worker.needs is None else worker.needs for worker in running)
        return taken + self._most <= _SHARE * self._free
