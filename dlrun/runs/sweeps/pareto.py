"""Several objectives of a sweep (`search.objectives`): their values, whether they exist, and the Pareto front."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.configuration.sweeps.repeated import without_repeats
from dlrun.errors import ConfigError, Problem, did_you_mean, nearest
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.tasks.metric_names import DIRECTIONS, is_higher_better
from dlrun.wording import printable

COSTS: Mapping[str, bool] = {"parameters": False, "seconds": False, "samples_per_second": True}
"""What a run costs, which any sweep can have as an objective, and whether more of it is better."""


def pareto_front(rows: Sequence[SweepRow], objectives: Sequence[str]) -> set[int]:
    """Return the points that no other is better than in one objective without being worse in another.

    Points that differ only in their seed or fold are judged together, by their means: all of them are in the front or
    none is. Points that were not completed, or lack a value, are not.
    """
    trials = by_trial(rows)
    found = {words: mean_losses(taken, objectives) for words, taken in trials.items()}
    losses = {words: values for words, values in found.items() if values is not None}
    best = [words for words, mine in losses.items() if not any(_is_better(other, mine) for other in losses.values())]
    return {row.point for words in best for row in trials[words]}


def by_trial(rows: Iterable[SweepRow]) -> dict[tuple[str, ...], list[SweepRow]]:
    """Return the rows of each trial, the points that differ only in their seed or fold, by its overrides."""
    trials: dict[tuple[str, ...], list[SweepRow]] = {}
    for row in rows:
        trials.setdefault(without_repeats(row.overrides), []).append(row)
    return trials


def mean_losses(rows: Sequence[SweepRow], objectives: Sequence[str]) -> tuple[float, ...] | None:
    """Return for each objective the mean over the rows of one trial, of which less is better.

    None if a row is not completed, or a value is missing or not finite. objectives: [] is the metric that chose the
    checkpoints.
    """
    found = [_losses(row, objectives) for row in rows if row.is_completed]
    values = [each for each in found if each is not None]
    if len(values) < len(rows) or not values:
        return None
    return tuple(statistics.fmean(column) for column in zip(*values, strict=True))


def _losses(row: SweepRow, objectives: Sequence[str]) -> tuple[float, ...] | None:
    values = [_loss(row, name) for name in objectives] if objectives else [best_loss(row)]
    known = [value for value in values if value is not None and math.isfinite(value)]
    return tuple(known) if len(known) == len(values) else None


def best_loss(row: SweepRow) -> float | None:
    """Return the value that chose a row's checkpoint, so that less is better; None if there is none."""
    if row.best is None:
        return None
    higher = is_higher_better(str(row.best["metric"]), {"best": row.best})
    return None if higher is None else -float(row.best["value"]) if higher else float(row.best["value"])


def _loss(row: SweepRow, name: str) -> float | None:
    value = value_of(row, name)
    higher = COSTS[name] if name in COSTS else _is_higher_better(row, name)
    return None if value is None or higher is None else -value if higher else value


def value_of(row: SweepRow, objective: str) -> float | None:
    """Return a row's value of an objective: what it cost, or a metric on the validation rows; None if it has none."""
    if objective == "parameters":
        return None if row.parameters is None else float(row.parameters)
    if objective == "seconds":
        return row.seconds
    if objective == "samples_per_second":
        value = _result(row).get(objective)
        return None if value is None else float(value)
    return row.metrics.get(f"val/{objective.removeprefix('val/')}")


def _is_higher_better(row: SweepRow, metric: str) -> bool | None:
    known = is_higher_better(metric, {"best": row.best or {}})
    return is_higher_better(metric, _result(row)) if known is None else known


def _result(row: SweepRow) -> Mapping[str, Any]:
    """Return a point's `result.json`, which has what its row has not; empty if it cannot be read."""
    try:
        found = json.loads((Path(row.run_dir) / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # an objective without a value is reported by `check_row`
        return {}
    return found if isinstance(found, dict) else {}


def _is_better(other: Sequence[float], mine: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(other, mine, strict=True)) and any(
        a < b for a, b in zip(other, mine, strict=True)
    )


def check_objectives(objectives: Sequence[str], *, is_plain: bool) -> list[Problem]:
    """Return what is wrong with objectives, as far as it is known before the first point.

    is_plain: whether every option is dlrun's own, so that there are no metrics but its own. Metrics of one of several
    targets are named METRIC_TARGET.
    """
    problems = []
    for place, name in enumerate(objectives):
        shown = printable(f"search.objectives=[{name}]")
        metric = name.removeprefix("val/")
        if metric in objectives[:place]:
            problems.append(Problem(shown, "It is named twice.", "unknown-metric"))
        elif name.startswith(("test/", "train/")):
            what = f"Points are chosen by validation rows: {metric.partition('/')[2]}. Test rows would no longer test."
            problems.append(Problem(shown, what, "unknown-metric"))
        elif is_plain and not _is_known(metric):
            problems.append(_unknown(name, [*DIRECTIONS, *COSTS]))
    return problems


def _is_known(metric: str) -> bool:
    return metric in DIRECTIONS or metric in COSTS or any(metric.startswith(f"{each}_") for each in DIRECTIONS)


def check_row(row: SweepRow, objectives: Sequence[str]) -> None:
    """Raise ConfigError if a completed row lacks an objective; the first row of a sweep tells what there is."""
    measured = [name.removeprefix("val/") for name in row.metrics if name.startswith("val/")]
    missing = [name for name in objectives if value_of(row, name) is None]
    problems = [_unknown(name, [*measured, *COSTS]) for name in missing]
    problems += [
        Problem(f"search.objectives=[{name}]", "Nothing says whether more or less of it is better.", "unknown-metric")
        for name in objectives
        if name not in missing and _loss(row, name) is None
    ]
    if problems:
        raise ConfigError(problems)


def _unknown(name: str, known: Collection[str]) -> Problem:
    near = nearest(name.removeprefix("val/"), known)
    fix = f"search.objectives=[{near}]" if near is not None else None
    what = f"No run has such a metric on its validation rows, or such a cost. {did_you_mean(name, known)}"
    return Problem(printable(f"search.objectives=[{name}]"), what, "unknown-metric", fix)
