"""The search of a sweep, by `search.*`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlrun.configuration.plan import Plan
from dlrun.configuration.sweeps.settings import SearchSettings
from dlrun.configuration.sweeps.space import Space
from dlrun.runs.sweeps.search.grid import Grid
from dlrun.runs.sweeps.search.halving import Halving
from dlrun.runs.sweeps.search.lhs import LatinHypercube
from dlrun.runs.sweeps.search.objectives import Measurable
from dlrun.runs.sweeps.search.random import Random
from dlrun.runs.sweeps.search.sampler import Sampler
from dlrun.runs.sweeps.search.search import Search
from dlrun.runs.sweeps.search.tpe import Tpe
from dlrun.runs.sweeps.search.trials import Trials


def choose_search(settings: SearchSettings, plans: Sequence[Plan], folder: Path, *, space: Space | None) -> Search:
    """Return the search that chooses the points.

    plans: all of a grid. space: what any other search makes its plans from. folder: of the sweep.
    """
    search: Search = Grid(plans) if space is None else _over(settings, space)
    if settings.objectives:
        search = Measurable(search, settings.objectives)
    return Halving(search, folder / "halving.jsonl") if settings.prune == "halving" else search


def _over(settings: SearchSettings, space: Space) -> Trials:
    trials, objectives = settings.trials, settings.objectives
    sampler: Sampler
    if settings.name == "tpe":
        count = max(1, len(objectives))
        sampler = Tpe(space, seed=settings.seed, num_objectives=count, num_trials=trials)
    elif settings.name == "lhs" and trials is not None:
        sampler = LatinHypercube(space, seed=settings.seed, num_trials=trials)
    else:
        sampler = Random(space, seed=settings.seed)
    return Trials(space, sampler, num_trials=trials, objectives=objectives)
