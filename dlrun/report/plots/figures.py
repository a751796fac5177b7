"""All figures of a sweep, and the curves of a single run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from dlrun.report.plots.learning import learning_curves
from dlrun.report.plots.parallel import parallel_coordinates
from dlrun.report.plots.pareto import pareto
from dlrun.report.plots.scatter import metric_against
from dlrun.report.plots.scene import Scene
from dlrun.report.plots.style import NUM_SERIES
from dlrun.runs.sweeps.saved.curves import Curve, Curves, read_curves
from dlrun.runs.sweeps.saved.points import SavedPoint
from dlrun.runs.sweeps.saved.quantities import pairs_to_weigh
from dlrun.runs.sweeps.saved.sweep import SavedSweep
from dlrun.wording import plural

T = TypeVar("T")
_MOST_LINES = 1_200  # of parallel coordinates
_MOST_DOTS = 5_000  # of all plots against settings
_FEWEST_DOTS = 150  # of each of them
_MOST_PLOTS = 24  # against settings
_MOST_CURVES = 6  # metrics
_MOST_GREY = 300  # curves beside the best
_GREY_BYTES = 4 << 20  # read of the metrics.jsonl of each
_GREY_VERTICES = 48  # of each curve that is not among the best


@dataclass
class Figures:
    """The figures of a sweep by section. best: the points whose curves are in colour, the best first."""

    parallel: list[Scene] = field(default_factory=list)
    against: list[Scene] = field(default_factory=list)
    cost: list[Scene] = field(default_factory=list)
    curves: list[Scene] = field(default_factory=list)
    best: list[SavedPoint] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def every(self) -> list[Scene]:
        """Return all scenes in the order in which they are shown."""
        return [*self.parallel, *self.against, *self.cost, *self.curves]


def draw_sweep(sweep: SavedSweep, objectives: Sequence[str] = ()) -> Figures:
    """Draw everything that a sweep has enough points for; what cannot be drawn is in the notices.

    objectives: those of the search, which get a plot of their own.
    """
    found = Figures()
    if sweep.others:
        found.notices.append(f"{plural(len(sweep.others), 'point')} without a result to compare")
    if len(sweep.groups) < 2:
        found.notices.append("there are no two results to compare, so that settings are not plotted against the metric")
    elif not sweep.settings:
        found.notices.append("the points do not differ in any setting")
    else:
        _draw_settings(found, sweep)
    if len(sweep.groups) >= 2:
        _draw_costs(found, sweep, objectives)
    _draw_curves(found, sweep)
    found.notices += dict.fromkeys(notice for scene in found.every() for notice in scene.notices)
    return found


def _draw_settings(found: Figures, sweep: SavedSweep) -> None:
    groups = sweep.groups
    lines = thinned(groups, _MOST_LINES)
    found.parallel = [parallel_coordinates(sweep, lines)]
    shown = sweep.settings[:_MOST_PLOTS]
    if len(shown) < len(sweep.settings):
        found.notices.append(f"{plural(len(sweep.settings) - len(shown), 'setting')} without a plot")
    dots = thinned(groups, max(_FEWEST_DOTS, _MOST_DOTS // len(shown)))
    found.against = [metric_against(setting, sweep, dots) for setting in shown]
    for name, drawn in (("parallel coordinates", lines), ("the plots against settings", dots)):
        if len(drawn) < len(groups):
            what = f"{name} show {len(drawn)} of {plural(len(groups), 'configuration')}: the best and some of the rest"
            found.notices.append(what)


def thinned(ordered: Sequence[T], most: int) -> list[T]:
    """Return at most `most` of what is given, best first: half of them the best, then every n-th of the rest."""
    if len(ordered) <= most:
        return list(ordered)
    half = most // 2
    rest = ordered[half:]
    return [*ordered[:half], *(rest[number * len(rest) // (most - half)] for number in range(most - half))]


def _draw_costs(found: Figures, sweep: SavedSweep, objectives: Sequence[str]) -> None:
    """The objectives of the search against each other, and the metric against time and size."""
    pairs, missing = pairs_to_weigh(sweep, objectives)
    found.notices += [f"no point has the objective {name}" for name in missing]
    groups = thinned(sweep.groups, _MOST_LINES)
    found.cost = [pareto(y, x, groups) for y, x in pairs]


def _draw_curves(found: Figures, sweep: SavedSweep) -> None:
    """Learning curves: of the best points in full, of the others only what is drawn."""
    candidates = [point for point in sweep.ranked if point.folder is not None]
    best: list[tuple[SavedPoint, Mapping[str, Curve]]] = []
    for point in candidates[: 4 * NUM_SERIES]:
        curves = read_curves(point.folder) if point.folder is not None else None
        if curves is not None and curves.by_metric and len(best) < NUM_SERIES:
            best.append((point, curves.by_metric))
    if not best:
        found.notices.append("no learning curves: no completed point has a metrics.jsonl here")
        return
    found.best = [point for point, _ in best]
    names = metrics_to_draw([name for _, curves in best for name in curves], first=str(sweep.metric))
    if len(names) > _MOST_CURVES:
        found.notices.append(f"no learning curves of {', '.join(names[_MOST_CURVES:])}")
    names = names[:_MOST_CURVES]
    others = _other_curves(found, sweep, names)
    for name in names:
        series = [(point.number, curves.get(name, Curve())) for point, curves in best]
        found.curves.append(learning_curves(name, series, others[name]))


def _other_curves(found: Figures, sweep: SavedSweep, names: Sequence[str]) -> dict[str, dict[int, Curve]]:
    """The curves by metric of every point that is not among the best; diverged ones would only stretch the axis."""
    drawn: dict[str, dict[int, Curve]] = {name: {} for name in names}
    wild = [point for point, _ in sweep.others if point.status in ("diverged", "failed")]
    skipped = {*(point.number for point in wild), *(point.number for point in found.best)}
    rest = [point for point in sweep.points if point.number not in skipped]
    num_missing = num_sampled = 0
    shown = rest if len(rest) <= _MOST_GREY else [rest[i * len(rest) // _MOST_GREY] for i in range(_MOST_GREY)]
    for point in shown:
        curves = _grey_curves(point.folder, names)
        num_missing += curves is None
        num_sampled += curves is not None and curves.is_sampled
        for name, curve in (curves.by_metric if curves is not None else {}).items():
            drawn[name][point.number] = curve
    counts = {
        "diverged or failed": len(wild),
        f"of so many, {_MOST_GREY} are drawn beside the best": len(rest) - len(shown),
        "no metrics.jsonl in this folder": num_missing,
    }
    found.notices += [
        f"no learning curve of {plural(count, 'point')}: {what}" for what, count in counts.items() if count
    ]
    if num_sampled:
        found.notices.append(f"learning curves read from parts of a long file: those of {plural(num_sampled, 'point')}")
    return drawn


def _grey_curves(folder: Path | None, names: Sequence[str]) -> Curves | None:
    return None if folder is None else read_curves(folder, most=_GREY_VERTICES, only=names, most_bytes=_GREY_BYTES)


def metrics_to_draw(names: Sequence[str], *, first: str) -> list[str]:
    """Return metrics in the order of their plots: what the points are compared by, losses, validation, the rest."""
    order = [first, "val/loss", "train/loss"]

    def key(name: str) -> tuple[int, bool, bool]:
        return (order.index(name) if name in order else len(order), not name.startswith("val/"), name == "lr")

    return sorted((name for name in dict.fromkeys(names) if name != "lr"), key=key)


@dataclass
class RunFigures:
    """The learning curves of a run: a scene for each metric, in which each split has the series of its place."""

    splits: list[str] = field(default_factory=list)
    scenes: list[Scene] = field(default_factory=list)


def draw_run(folder: Path, *, first: str) -> RunFigures:
    """Draw the learning curves of one run. first: the metric that comes first, as split/name."""
    curves = read_curves(folder)
    if curves is None:
        return RunFigures()
    metrics = [name for name in metrics_to_draw(list(curves.by_metric), first=first) if "/" in name]
    splits = sorted({metric.partition("/")[0] for metric in metrics})[:NUM_SERIES]
    found = RunFigures(splits)
    for name in dict.fromkeys(metric.partition("/")[2] for metric in metrics):
        series = [(place, curves.by_metric.get(f"{split}/{name}", Curve())) for place, split in enumerate(splits)]
        if any(curve.vertices() for _, curve in series):
            found.scenes.append(learning_curves(name, series, {}))
    return found
