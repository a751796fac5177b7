"""What the engine asks of a cluster's scheduler."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from dlrun.errors import ConfigError, Problem
from dlrun.runs.sweeps.engines.cluster.node_job import NodeJob
from dlrun.runs.sweeps.engines.cluster.probe import Findings, Probe


class Backend(Protocol):
    """A cluster's own scheduler.

    setting: what chose it, for messages. capacity: how many jobs it is given at once. threads: of a job, as many as the
    processors that it asks for. poll_s: how long to wait between
    two looks at all jobs. late_s: how long after the end of a job its last lines may still be on their way.
    grace_s: how long a cancelled job may take to save.
    """

    setting: str
    capacity: int
    threads: int
    poll_s: float
    late_s: float
    grace_s: float

    def open(self, folder: Path) -> None:
        """Reach the cluster; `folder` is for its scheduler's own files. Raises ConfigError if it cannot."""
        ...

    def close(self) -> None:
        """Leave the cluster."""
        ...

    def start_probes(self, probe: Probe) -> Sequence[Any]:
        """Start a probe on a machine, or on each if that can be chosen; return their handles."""
        ...

    def result(self, handle: Any) -> Findings:
        """Return what a probe that has ended returned. Raises ConfigError with what ended it instead."""
        ...

    def submit(self, jobs: Sequence[NodeJob]) -> Sequence[Any]:
        """Give jobs to the scheduler; return a handle of each. Raises ConfigError if it refuses them."""
        ...

    def ending(self, handle: Any) -> str | None:
        """Return None while a job waits or runs, else how it ended, in words."""
        ...

    def cancel(self, handles: Sequence[Any]) -> None:
        """Take jobs that wait out of the queue, and ask those that run to save and end. Returns at once."""
        ...


def refused(setting: str, what: str) -> ConfigError:
    """Return the error that the cluster cannot be reached or refuses jobs."""
    return ConfigError(Problem(setting, what, "cluster"))
