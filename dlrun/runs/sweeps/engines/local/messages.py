"""What the processes of a sweep on this machine tell each other, over pipes between them alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlrun.runs.sweeps.jobs import Job


@dataclass(frozen=True)
class Ready:
    """Of a nursery: it has imported what runs need. num_cuda: GPUs that torch can use."""

    num_cuda: int


@dataclass(frozen=True)
class Fork:
    """To a nursery: fork a worker; the handles of its pipe and of the file for its output follow."""

    number: int


@dataclass(frozen=True)
class Branch:
    """To a nursery: fork a nursery that loads the data of a job; the handle of its pipe follows."""

    number: int
    job: Job


@dataclass(frozen=True)
class Imported:
    """Of a worker: it imported these modules, which its nursery did not have."""

    names: Sequence[str]


@dataclass(frozen=True)
class Import:
    """To a nursery: import these modules."""

    names: Sequence[str]


@dataclass(frozen=True)
class Prepared:
    """Of a nursery that loads data: it did, and holds so many bytes."""

    num_bytes: int


@dataclass(frozen=True)
class Gone:
    """Of a nursery: a process that it forked ended. status: its exit code, or minus the signal that killed it."""

    number: int
    status: int


@dataclass(frozen=True)
class Stop:
    """To a worker: a point should save and stop."""

    point: int
    reason: str


@dataclass(frozen=True)
class Signal:
    """To a worker: do what this signal asks for."""

    number: int


@dataclass(frozen=True)
class Needs:
    """Of a worker: its point was built and needs `peak` bytes of its device, of which `free` were free then."""

    peak: int
    free: int
