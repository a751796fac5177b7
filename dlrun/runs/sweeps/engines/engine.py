"""What the driver of a sweep asks of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, runtime_checkable

from dlrun.runs.sweeps.jobs import Event, Job


class Engine(Protocol):
    """Runs jobs, several at once if it can. Use it as a context: leaving it ends every worker."""

    @property
    def capacity(self) -> int:
        """How many jobs it runs at once; the driver submits no more than that before some of them ended."""
        ...

    def __enter__(self) -> object:
        """Start what is needed before the first job."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every worker at once; what they wrote stays."""
        ...

    def submit(self, job: Job) -> None:
        """Begin a job."""
        ...

    def events(self, timeout_s: float | None = None) -> Sequence[Event]:
        """Wait until something happened, at most `timeout_s` seconds, and return it in order.

        Every point of a submitted job ends with one `Ended`, also when its worker was killed: the row then says so.
        Raises Interrupted if this process was asked to stop (SIGINT, SIGTERM), once each running point was saved and
        its `Ended` was returned.
        """
        ...

    def stop_point(self, point: int, reason: str) -> None:
        """Ask a running point to save and stop; its row is "interrupted", with the reason as its error."""
        ...


@runtime_checkable
class DividesThreads(Protocol):
    """An engine that says how many CPU threads a point has."""

    @property
    def threads(self) -> int:
        """Of each point that leaves them open; may be asked before the engine is started, and may import torch."""
        ...
