"""What this engine asks of the function that trains points: to prepare what the processes of many points can share."""

from __future__ import annotations

from typing import Protocol

from dlrun.runs.sweeps.jobs import Channel, Job


class SharingRunJob(Protocol):
    """A RunJob whose points can share what was prepared before their processes were forked."""

    def __call__(self, job: Job, channel: Channel) -> None:
        """Train the points of a job, as a RunJob."""
        ...

    def composed(self, job: Job) -> Job:
        """Return the job with everything worked out that needs no torch."""
        ...

    def data_key(self, job: Job) -> str | None:
        """Return what decides the data of a job; None if it is unknown."""
        ...

    def silenced(self) -> SharingRunJob:
        """Return the same, which shows nothing on a console."""
        ...

    def preload(self) -> int:
        """Import what every job needs, but use one thread and no GPU; return how many GPUs there are."""
        ...

    def prepare(self, job: Job) -> int:
        """Load the data of a job into this process; return its bytes. May raise: the job will raise the same."""
        ...
