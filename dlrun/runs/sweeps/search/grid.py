"""`search=grid`: every combination of the values, in the order of Hydra's basic sweeper."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.configuration.plan import Plan
from dlrun.runs.sweeps.search.search import Search


class Grid(Search):
    """A search over plans that are all known."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = plans
        self._asked = 0
        self.num_points: int | None = len(plans)

    def next(self) -> Plan | None:
        """Return the next point; None after the last."""
        if self._asked == len(self._plans):
            return None
        self._asked += 1
        return self._plans[self._asked - 1]
