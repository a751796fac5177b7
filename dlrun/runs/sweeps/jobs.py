"""What an engine is given (jobs of points) and what it tells (events). All of it is plain data that can be pickled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from dlrun.configuration.compose import Composed
from dlrun.configuration.plan import Plan
from dlrun.runs.sweeps.rows import SweepRow


@dataclass(frozen=True)
class Point:
    """A point to train in its folder.

    composed: its configuration, if the driver has composed it; it is then not composed again. label: what differs from
    the other points of the folder; by default, what its command sweeps.
    """

    number: int
    plan: Plan
    folder: Path
    composed: Composed | None = field(default=None, compare=False)
    label: tuple[str, ...] | None = None

    @property
    def overrides(self) -> list[str]:
        """What differs from the other points, as the user would type it."""
        return self.plan.point.words if self.label is None else list(self.label)


@dataclass(frozen=True)
class Job:
    """Points for one worker: one of them, or several that are trained together as one batched model."""

    points: tuple[Point, ...]
    threads: int | None = None  # CPU threads, if the engine decides; None: as each point's configuration says
    device: str | None = None  # the device, if the engine decides: cuda:1

    @property
    def is_pack(self) -> bool:
        """Whether several points are trained together."""
        return len(self.points) > 1


@dataclass(frozen=True)
class Submitted:
    """A point was given to the engine. The driver tells it; of a point that was done before, it tells only the end."""

    point: int
    overrides: Sequence[str] = ()


@dataclass(frozen=True)
class Started:
    """A point began."""

    point: int
    device: str = ""
    where: str = ""  # of the worker: a process, a node, a SLURM job


@dataclass(frozen=True)
class Measured:
    """A point was evaluated; metrics named split/name. best: the best evaluation so far, as in result.json."""

    point: int
    epoch: int
    step: int
    seconds: float  # of training so far
    metrics: Mapping[str, float] = field(default_factory=dict)
    total_steps: int | None = None  # of the whole run, where it is known
    best: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Ended:
    """A point ended, whatever its end."""

    row: SweepRow


Event = Submitted | Started | Measured | Ended


class Channel(Protocol):
    """How a worker talks to the sweep while it runs a job."""

    def report(self, event: Event) -> None:
        """Tell what happened."""
        ...

    def stop_reason(self, point: int) -> str | None:
        """Why a point should save and stop now; None if it should go on. Cheap, to be asked between steps."""
        ...


@runtime_checkable
class MemoryWatch(Protocol):
    """A channel to an engine that begins as many points as memory allows."""

    def needs(self, peak: int, free: int) -> None:
        """Tell the bytes that a point needs on its device, and how many are free there now."""
        ...


RunJob = Callable[[Job, Channel], None]
"""Train the points of a job and report Started, Measured and Ended for each. A signal raises Interrupted after the row
of each point was reported; no other error leaves it. It can be pickled, to be sent to another process or machine."""
