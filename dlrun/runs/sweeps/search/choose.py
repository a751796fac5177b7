"""The search of a sweep, by `search.*`."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.configuration.plan import Plan
from dlrun.configuration.sweeps.settings import SearchSettings
from dlrun.runs.sweeps.search.grid import Grid
from dlrun.runs.sweeps.search.search import Search


def choose_search(settings: SearchSettings, plans: Sequence[Plan]) -> Search:
    """Return the search that chooses the points."""
    del settings
    return Grid(plans)
