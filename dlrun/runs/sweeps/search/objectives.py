"""A search whose objectives (`search.objectives`) are looked for in the first row, not only in the last table."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.runs.sweeps.pareto import check_row
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.runs.sweeps.search.search import Around, Search


class Measurable(Around):
    """A search that ends with an error as soon as a completed point lacks an objective."""

    def __init__(self, inner: Search, objectives: Sequence[str]) -> None:
        super().__init__(inner)
        self._objectives = objectives

    def tell(self, row: SweepRow) -> None:
        """Raise ConfigError if the row, of a completed point, has no value of an objective."""
        if row.is_completed:
            check_row(row, self._objectives)
        super().tell(row)
