"""Check the settings of a search against what it is to search, before the first point."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Mapping

from dlrun.configuration.override_text import Value
from dlrun.configuration.overrides import MAX_POINTS, Request, too_many_points
from dlrun.configuration.sweeps.ranges import Interval
from dlrun.configuration.sweeps.repeated import REPEATED
from dlrun.configuration.sweeps.settings import SearchSettings
from dlrun.errors import Problem
from dlrun.wording import count, printable

_OLDEST = 5  # major version of optuna


def check_search(
    request: Request, ranges: Mapping[str, Interval], settings: Mapping[str, tuple[Value, ...]], *, is_whole: bool
) -> list[Problem]:
    """Return everything wrong with how points are chosen.

    ranges, settings: of the command line and of its recipe, together. is_whole: whether none of them was wrong and is
    missing here.
    """
    search = request.sweep.search
    if search.name == "grid":
        return [*(_unlisted(key, each) for key, each in ranges.items()), *_of_grid(search)]
    problems = _missing_trials(search)
    varied = [key for key, values in settings.items() if len(values) > 1 and key not in REPEATED]
    if is_whole and not (ranges or varied):
        what = "Nothing varies, so there is nothing to search. Give a range: optimizer.lr='interval(1e-4,1e-1)'"
        problems.append(Problem(f"search={search.name}", what, "search"))
    size = (search.trials or 1) * math.prod(len(settings.get(key, (None,))) for key in REPEATED)
    if size > MAX_POINTS:
        problems.append(too_many_points(size))
    return [*problems, *(_missing_optuna() if search.name == "tpe" else [])]


def _missing_optuna() -> list[Problem]:
    """Return a problem if optuna is missing or too old; it is not imported."""
    try:
        installed = importlib.metadata.version("optuna")
    except importlib.metadata.PackageNotFoundError:
        installed = ""
    if installed and int(installed.partition(".")[0]) >= _OLDEST:
        return []
    what = f"{installed} is installed, and {_OLDEST} or newer is needed" if installed else "which is not installed"
    text = f'It needs the package optuna; {what}: pip install "dlrun[search]". Without it: search=random or search=lhs.'
    return [Problem("search=tpe", text, "missing-package", "search=random")]


def _unlisted(key: str, interval: Interval) -> Problem:
    """Return the problem that a grid has no values for a range."""
    what = (
        f"A grid tries every combination, and a range has no end of values. Draw from it: search=random "
        f"search.trials=20; or list the values: {key}=A,B"
    )
    return Problem(f"{key}={printable(interval.text)}", what, "search", "search=random")


def _of_grid(search: SearchSettings) -> list[Problem]:
    """Return what a grid cannot have."""
    if search.trials is None:
        return []
    what = (
        "A grid tries every combination, and the first few of them would differ in the last key only. "
        f"For {count(search.trials)} of them, drawn evenly: search=random"
    )
    return [Problem(f"search.trials={search.trials}", what, "search", "search=random")]


def _missing_trials(search: SearchSettings) -> list[Problem]:
    """Return a problem if nothing says how long the search goes on."""
    where = f"search={search.name}"
    if search.trials is None and search.name == "lhs":
        what = "A Latin hypercube divides each range into as many parts as there are trials: add search.trials=20"
        return [Problem(where, what, "search", "search.trials=20")]
    if search.trials is None and search.budget is None:
        what = "A search goes on until it is told to end: add search.trials=20, or search.budget=2h"
        return [Problem(where, what, "search", "search.trials=20")]
    return []
