"""`dlrun compare` of a sweep: which settings moved the metric on the same data. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.errors import ConfigError, Problem, StorageError, did_you_mean
from dlrun.runs.history import is_result, read_result
from dlrun.runs.sweeps.groups import Trial, group, trials_of_rows
from dlrun.runs.sweeps.importance import Importance, importance_of
from dlrun.runs.sweeps.ledger import read_commands
from dlrun.runs.sweeps.pareto import pareto_front
from dlrun.runs.sweeps.ranking import Ranking, rank
from dlrun.runs.sweeps.rows import ROWS, SweepRow, folder_of, read_rows
from dlrun.tasks.metric_names import is_higher_better
from dlrun.wording import printable

_OBJECTIVES = "search.objectives="
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
    """What `dlrun compare` says of a sweep.

    is_biased: its search preferred some values, so shares are not fair. objectives: those of its search.
    """

    rows: list[SweepRow]
    parts: list[Part]
    is_biased: bool = False
    objectives: list[str] = field(default_factory=list)

    @property
    def front(self) -> set[int]:
        """The points that none is better than in every objective; empty for fewer than two objectives."""
        return pareto_front(self.rows, self.objectives) if len(self.objectives) > 1 else set()


def compare_sweep(folder: Path, metric: str | None = None) -> SweepComparison:
    """Return what a sweep found. metric: instead of the one that chose the best checkpoints.

    Raises ConfigError if no point has the metric, StorageError if a row is none, which may be somebody else's.
    """
    path = folder / ROWS
    rows = read_rows(path)
    if (damaged := next((row for row in rows if not _is_whole(row)), None)) is not None:
        raise StorageError(f"{path}: the row of point {printable(str(damaged.point))} is damaged.")
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
    words = _words(folder)
    objectives = next((word.partition("=")[2] for word in reversed(words) if word.startswith(_OBJECTIVES)), "")
    names = [name.strip() for name in objectives.strip("[]").split(",") if name.strip()]
    return SweepComparison(rows, parts, _LEARNING in words, names)


def _is_whole(row: SweepRow) -> bool:
    """Whether a row has what is read from it, as what it is."""
    best: Any = row.best
    return (
        isinstance(row.point, int)
        and isinstance(row.overrides, list)
        and all(isinstance(word, str) for word in row.overrides)
        and isinstance(row.run_dir, str)
        and is_result({"status": row.status, "metrics": row.metrics, "best": best, "seconds": {"total": row.seconds}})
    )


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
            return is_higher_better(metric, read_result(folder_of(folder, row)))
    return None


def _words(folder: Path) -> list[str]:
    """The words of every command of the sweep; none if it is of a version that kept no ledger and only knew grids."""
    return [word for command in read_commands(folder) for word in command.words]
