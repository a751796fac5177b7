"""A sweep as plots and tables show it: one metric, the points with it best first, seeds put together."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlrun.configuration.sweeps.repeated import REPEATED
from dlrun.runs.sweeps.saved.points import SavedPoint, read_points
from dlrun.runs.sweeps.saved.settings import Setting, settings_of
from dlrun.tasks.metric_names import is_higher_better
from dlrun.wording import number, plural, printable


@dataclass(frozen=True)
class Group:
    """Points that differ only in their seed or fold; often one point."""

    points: tuple[SavedPoint, ...]
    values: tuple[float, ...]  # of the metric

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float:
        """The standard deviation over the seeds; 0 for a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of its points."""
        return tuple(point.number for point in self.points)


@dataclass(frozen=True)
class SavedSweep:
    """A sweep.

    metric: what the points are compared by, None if none has one. ranked: the points that have it, best first. groups:
    the same points by all settings but seed and fold, best first. others: those that are not compared, with the reason.
    settings: what differs between points; the seed is among them only if nothing else is.
    """

    folder: Path
    points: Sequence[SavedPoint]
    metric: str | None
    higher_is_better: bool
    ranked: Sequence[SavedPoint]
    groups: Sequence[Group]
    others: Sequence[tuple[SavedPoint, str]]
    settings: Sequence[Setting]
    notices: Sequence[str]

    @property
    def has_seeds(self) -> bool:
        """Whether any configuration was trained with several seeds, beside other settings."""
        return any(len(group.points) > 1 for group in self.groups)

    def value(self, point: SavedPoint) -> float:
        """The metric of a point that is ranked."""
        return point.metrics[str(self.metric)]


def read_sweep(folder: Path) -> SavedSweep:
    """Return the sweep in a folder. Raises ConfigError when there is none."""
    saved = read_points(folder)
    metric, higher = _metric(saved.points)
    notices = list(saved.notices)
    if higher is None:
        notices.append(f"the results do not say whether a higher {metric} is better: higher is taken as better")
    ranked, others = _split(saved.points, metric)
    ranked.sort(key=lambda point: point.metrics[str(metric)] * (-1 if higher is not False else 1))
    settings = settings_of(saved.points)
    by_seed = [setting for setting in settings if setting.key not in REPEATED]
    groups = _groups(ranked, metric, [setting.key for setting in by_seed] if by_seed else REPEATED)
    groups.sort(key=lambda group: group.mean * (-1 if higher is not False else 1))
    return SavedSweep(
        folder, saved.points, metric, higher is not False, ranked, groups, others, by_seed or settings, notices
    )


def _metric(points: Sequence[SavedPoint]) -> tuple[str | None, bool | None]:
    """Return the metric that most points chose their best checkpoint by, and whether a higher value is better."""
    counts = Counter(point.best_metric for point in points if point.best_metric is not None)
    if counts:
        name = counts.most_common(1)[0][0]
        votes = [point.higher_is_better for point in points if point.best_metric == name]
        return name, next((vote for vote in votes if vote is not None), None)
    names = Counter(name for point in points for name in point.metrics)
    if not names:
        return None, True
    name = "val/loss" if "val/loss" in names else names.most_common(1)[0][0]
    return name, is_higher_better(name, {})


def _split(points: Sequence[SavedPoint], metric: str | None) -> tuple[list[SavedPoint], list[tuple[SavedPoint, str]]]:
    """Return the points to compare: those that were trained to their end and have the metric; and the rest."""
    ranked, others = [], []
    for point in points:
        if not point.is_completed:
            others.append((point, point.error))
        elif metric is None or metric not in point.metrics:
            others.append((point, f"it has no finite {metric or 'metric'}"))
        else:
            ranked.append(point)
    return ranked, others


def _groups(ranked: Sequence[SavedPoint], metric: str | None, keys: Sequence[str]) -> list[Group]:
    found: dict[tuple[str | None, ...], list[SavedPoint]] = {}
    for point in ranked:
        found.setdefault(tuple(point.settings.get(key) for key in keys), []).append(point)
    return [Group(tuple(each), tuple(point.metrics[str(metric)] for point in each)) for each in found.values()]


def describe_ends(sweep: SavedSweep) -> str:
    """Return how many points ended how: 10 completed, 1 diverged."""
    counts = Counter(point.status for point in sweep.points)
    return ", ".join(f"{count} {status}" for status, count in counts.most_common()) or plural(0, "point")


def describe(point: SavedPoint, sweep: SavedSweep) -> str:
    """Return a ranked point in a line: point 6: model=mlp optimizer.lr=0.01, val/accuracy 0.9583."""
    settings = " ".join(f"{key}={printable(value, limit=40)}" for key, value in point.settings.items())
    return f"point {point.number}: {settings or 'no settings'}, {sweep.metric} {number(sweep.value(point))}"
