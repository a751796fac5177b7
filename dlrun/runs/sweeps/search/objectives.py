"""A search whose objectives (`search.objectives`) are looked for in the first row, not only in the last table."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.configuration.plan import Plan
from dlrun.runs.sweeps.jobs import Measured
from dlrun.runs.sweeps.pareto import check_row
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.runs.sweeps.search.search import Known, Search


class Measurable(Search):
    """A search that ends with an error as soon as a completed point lacks an objective."""

    def __init__(self, inner: Search, objectives: Sequence[str]) -> None:
        self.inner, self._objectives = inner, objectives
        self.num_points = inner.num_points

    def recall(self, known: Sequence[Known]) -> None:
        self.inner.recall(known)
        self.num_points = self.inner.num_points

    def next(self) -> Plan | None:
        plan = self.inner.next()
        self.num_points = self.inner.num_points
        return plan

    def begin(self, point: int, overrides: Sequence[str]) -> None:
        self.inner.begin(point, overrides)

    def observe(self, point: int, measured: Measured) -> str | None:
        return self.inner.observe(point, measured)

    def tell(self, row: SweepRow) -> None:
        """Raise ConfigError if the row, of a completed point, has no value of an objective."""
        if row.is_completed:
            check_row(row, self._objectives)
        self.inner.tell(row)
