"""A sweep whose points are searched: what is checked and said before the first of them."""

from __future__ import annotations

import dataclasses
import sys

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.recipe_file import tell_of_recipes
from dlrun.configuration.folds import by_fold
from dlrun.configuration.overrides import Request
from dlrun.configuration.plan import Plan
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.settings import SearchSettings
from dlrun.configuration.sweeps.space import Space, plan_search
from dlrun.data.files.named import check_plans
from dlrun.errors import ConfigError, Problem
from dlrun.runs.sweeps.engines.hydra_launcher import asks_for_launcher
from dlrun.runs.sweeps.pareto import check_objectives
from dlrun.wording import plural


def with_objectives_checked(request: Request, catalog: Catalog) -> Request:
    """Return a request whose problems are also those of its objectives, to be told with all others."""
    objectives = request.sweep.search.objectives
    wrong = check_objectives(objectives, is_plain=not catalog.has_foreign_options())
    return dataclasses.replace(request, problems=(*request.problems, *wrong)) if wrong else request


def begin_search(command: Command, request: Request, catalog: Catalog) -> Space:
    """Check what a command searches, and say how many points there will be, before anything slow; return it.

    Raises ConfigError with everything wrong with it, DataError for a file that is missing.
    """
    space = plan_search(request, catalog)
    plans = space.example_plans()
    tell_of_recipes(plans)
    check_plans(plans, catalog)
    if asks_for_launcher(request.hydra):
        what = "Hydra's launchers need all points at once, and a search chooses one after another. Use launch.engine."
        raise ConfigError(Problem("hydra/launcher", what, "search"))
    if not (command.has(flags.QUIET) or command.has(flags.JSON)):
        print(describe(space, request.sweep.search), file=sys.stderr)
    return space


def describe(space: Space, search: SearchSettings) -> str:
    """Return what is searched, in one line."""
    keys = ", ".join(space.dimensions)
    trials, repeats = search.trials, space.num_repeats()
    if space.size is not None and (trials is None or space.size <= trials):
        trials = space.size
        many = f"all {plural(trials, 'combination')}"
    else:
        many = f"trials for {search.budget}" if trials is None else plural(trials, "trial")
    if repeats > 1:
        points = "" if trials is None else f" = {plural(trials * repeats, 'point')}"
        each = " and ".join(f"{plural(len(values), 'value')} of {key}" for key, values in space.repeated.items())
        many += f", each with {each or plural(repeats, 'fold')}{points}"
    return f"search={search.name} over {keys}: {many}"


def points_to_examine(command: Command, request: Request, catalog: Catalog) -> list[tuple[Plan, int]]:
    """Return the plans of a search that `check` examines, each with the number of runs that it stands for.

    They are its corners, and both ends of each range and each value of each list by itself. Raises as `begin_search`.
    """
    space = begin_search(command, request, catalog)
    plans = space.example_plans()
    if not (command.has(flags.QUIET) or command.has(flags.JSON)):
        what = (
            "all low ends, all high ends, and each end of a range and each value of a list with the others in between"
        )
        print(f"examined of it: {plural(len(plans), 'point')}: {what}", file=sys.stderr)
    trials = request.sweep.search.trials or len(plans)
    runs = space.num_repeats() * (trials if space.size is None else min(trials, space.size))
    each, rest = divmod(runs, len(plans))
    return [(folds[0], each + (place < rest)) for place, folds in enumerate(by_fold(plans, catalog))]
