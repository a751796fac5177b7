"""`dlrun compare` of a sweep: which settings moved the metric on the same data. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.runs.history import read_result
from dlrun.runs.sweeps.groups import Trial, group, run_folder, trials_of_rows
from dlrun.runs.sweeps.importance import Importance, importance_of
from dlrun.runs.sweeps.ranking import Ranking, rank
from dlrun.runs.sweeps.rows import SweepRow, read_rows
from dlrun.storage.reading import read_regular
from dlrun.tasks.metric_names import is_higher_better
from dlrun.wording import printable

_LEARNING = "search=tpe"  # a search whose points gather where it expects good ones


@dataclass(frozen=True)
class Part:
    """The points of a sweep that were measured on the same data by the same metric.

    higher: whether a higher value is better; None if no result says so.
    """

    data: str
    importance: Importance
    ranking: Ranking
    higher: bool | None


@dataclass(frozen=True)
class SweepComparison:
    """What `dlrun compare` says of a sweep. is_biased: its search preferred some values, so shares are not fair."""

    num_points: int
    parts: list[Part]
    is_biased: bool


def is_sweep(folder: Path) -> bool:
    """Whether a folder has the results of a sweep."""
    return (folder / "sweep.jsonl").is_file()


def compare_sweep(folder: Path, metric: str | None = None) -> SweepComparison:
    """Return what a sweep found. metric: instead of the one that chose the best checkpoints.

    Raises ConfigError if no point has the metric.
    """
    rows = read_rows(folder / "sweep.jsonl")
    trials = trials_of_rows(rows, folder)
    known = sorted({name for trial in trials for name in trial.metrics})
    if metric is not None and metric not in known:
        what = f"No point of this sweep has this metric. {did_you_mean(metric, known)}".rstrip()
        raise ConfigError(Problem(f"--sort {printable(metric)}", what))
    parts = []
    for (data, chosen), members in _parts(trials, metric).items():
        higher = _direction(members, chosen, rows, folder)
        importance = importance_of(members, chosen, higher=higher is not False)
        parts.append(Part(data.partition(" ")[0], importance, rank(group(members), metric), higher))
    return SweepComparison(len(trials), parts, _is_biased(folder))


def _parts(trials: Sequence[Trial], metric: str | None) -> dict[tuple[str, str], list[Trial]]:
    """Points by data and metric. One that says neither belongs to where points with its recipe and dataset are."""
    parts: dict[tuple[str, str], list[Trial]] = {}
    homes: dict[tuple[str, str], tuple[str, str]] = {}
    for trial in trials:
        if trial.chosen is not None:
            place = (trial.data, metric or trial.chosen)
            parts.setdefault(place, [])
            homes.setdefault(_source(trial), place)
    for trial in trials:
        own = (trial.data, metric or trial.chosen or "")
        place = own if own in parts else homes.get(_source(trial), next(iter(parts), own))
        parts.setdefault(place, []).append(trial)
    return parts


def _source(trial: Trial) -> tuple[str, str]:
    return (str(trial.settings.get("recipe")), str(trial.settings.get("dataset")))


def _direction(trials: Sequence[Trial], metric: str, rows: Sequence[SweepRow], folder: Path) -> bool | None:
    """Whether a higher value is better: as the rows say, or else the results in the folders of the runs."""
    for trial in trials:
        if (known := trial.is_higher_better(metric)) is not None:
            return known
    names = {trial.name for trial in trials}
    for row in rows:
        if str(row.point) in names and row.is_completed:
            return is_higher_better(metric, read_result(run_folder(row, folder)))
    return None


def _is_biased(folder: Path) -> bool:
    """Whether any command of the sweep's ledger used a search that learns."""
    try:
        content: Any = json.loads(read_regular(folder / "sweep.json"))
        return any(_LEARNING in command["words"] for command in content["commands"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False  # no ledger: the sweep is of a version that only knew grids
