"""The search of a sweep, by `search.*`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlrun.configuration.plan import Plan
from dlrun.configuration.sweeps.settings import SearchSettings
from dlrun.runs.sweeps.search.grid import Grid
from dlrun.runs.sweeps.search.halving import Halving
from dlrun.runs.sweeps.search.search import Search


def choose_search(settings: SearchSettings, plans: Sequence[Plan], folder: Path) -> Search:
    """Return the search that chooses the points. folder: of the sweep."""
    search: Search = Grid(plans)
    return Halving(search, folder / "halving.jsonl") if settings.prune == "halving" else search
