"""What two points can be weighed by: the metric, its costs, and the objectives of a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dlrun.runs.history import is_number
from dlrun.runs.sweeps.pareto import COSTS
from dlrun.runs.sweeps.saved.points import SavedPoint
from dlrun.runs.sweeps.saved.shared import read_result
from dlrun.runs.sweeps.saved.sweep import SavedSweep
from dlrun.tasks.metric_names import is_higher_better

SECONDS = "seconds of training"
_MOST_ASKED = 5  # results, for the direction of a metric


@dataclass(frozen=True)
class Quantity:
    """A quantity by the point's number, and whether more of it is better."""

    name: str
    values: Mapping[int, float]
    higher_is_better: bool


def metric_of(sweep: SavedSweep) -> Quantity:
    """Return what the points are compared by."""
    return Quantity(
        str(sweep.metric), {point.number: sweep.value(point) for point in sweep.ranked}, sweep.higher_is_better
    )


def quantity(sweep: SavedSweep, objective: str) -> Quantity | None:
    """Return an objective as `search.objectives` names it: a cost, or a metric on the validation rows.

    None if no point has it, or nothing says whether more of it is better. The time of a point that was taken over from
    another sweep is not compared.
    """
    if objective in COSTS:
        values = _collected(sweep, _COSTS[objective])
        name = SECONDS if objective == "seconds" else objective.replace("_", " ")
        return Quantity(name, values, COSTS[objective]) if values else None
    metric = objective if "/" in objective else f"val/{objective}"
    if metric == sweep.metric:
        return metric_of(sweep)
    values = _collected(sweep, lambda point: point.metrics.get(metric))
    higher = is_higher_better(metric, {})
    for folder in [point.folder for point in sweep.ranked if point.folder is not None][:_MOST_ASKED]:
        if higher is None and values:
            directions = read_result(folder).get("metric_directions")
            higher = is_higher_better(metric, {"metric_directions": directions if isinstance(directions, dict) else {}})
    return Quantity(metric, values, higher) if values and higher is not None else None


def _collected(sweep: SavedSweep, value_of: Callable[[SavedPoint], float | None]) -> dict[int, float]:
    found = {point.number: value_of(point) for point in sweep.ranked}
    return {number: value for number, value in found.items() if value is not None}


def _speed(point: SavedPoint) -> float | None:
    value = None if point.folder is None else read_result(point.folder).get("samples_per_second")
    return float(value) if value is not None and is_number(value) else None


_COSTS: Mapping[str, Callable[[SavedPoint], float | None]] = {
    "parameters": lambda point: point.parameters,
    "seconds": lambda point: None if point.reused else point.seconds,
    "samples_per_second": _speed,
}


def pairs_to_weigh(sweep: SavedSweep, objectives: Sequence[str]) -> tuple[list[tuple[Quantity, Quantity]], list[str]]:
    """Return pairs (y, x) to draw against each other, and the objectives that no point has.

    The first objective against each other one, then the metric against time and parameters, where they differ.
    """
    named = {name: quantity(sweep, name) for name in objectives}
    chosen = [each for each in named.values() if each is not None]
    costs = [quantity(sweep, name) for name in ("seconds", "parameters")]
    pairs = [(chosen[0], other) for other in chosen[1:]]
    pairs += [(metric_of(sweep), cost) for cost in costs if cost is not None]
    unique = {(y.name, x.name): (y, x) for y, x in pairs if y.name != x.name and len(set(x.values.values())) > 1}
    return list(unique.values()), [name for name, each in named.items() if each is None]
