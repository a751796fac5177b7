"""What the driver of a sweep asks of a search."""

from __future__ import annotations

from typing import Protocol

from dlrun.configuration.plan import Plan
from dlrun.runs.sweeps.jobs import Measured
from dlrun.runs.sweeps.rows import SweepRow


class Search(Protocol):
    """Chooses the points of a sweep, one after another.

    num_points: how many there will be; None if only time or the results decide.
    """

    num_points: int | None

    def next(self) -> Plan | None:
        """Return the next point, or None: there is none now, or, if no point is running either, at all."""
        ...

    def observe(self, point: int, measured: Measured) -> str | None:
        """Take an evaluation of a running point; return why it should stop, or None. Points count from 0, as asked."""
        ...

    def tell(self, row: SweepRow) -> None:
        """Take the outcome of a point."""
        ...
