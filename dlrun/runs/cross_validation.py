"""The outcome of a cross-validation: each fold's metrics, their mean and their standard deviation."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration.plan import Plan
from dlrun.configuration.sweeps.repeated import FOLD
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.storage.atomic import replace_file


@dataclass(frozen=True)
class CrossValidation:
    """The folds of one configuration; `mean` and `std` are of the completed ones.

    overrides: what differs from the other configurations of a sweep. std: the sample standard deviation (n - 1), for
    metrics that two folds have. A value that is not a finite number is left out.
    """

    overrides: Sequence[str]
    status: str  # "completed", "incomplete" if only some folds are, or how the first one ended
    num_folds: int
    mean: Mapping[str, float]
    std: Mapping[str, float]
    best: Mapping[str, Any] | None  # the mean of what selected each fold's checkpoint: metric, value
    seconds: float
    folds: Sequence[SweepRow]  # in order

    def state(self) -> dict[str, Any]:
        """Return plain values."""
        values = dataclasses.asdict(self)
        values["folds"] = [{"fold": fold, **row} for fold, row in enumerate(values["folds"])]
        return values

    def as_row(self, number: int) -> SweepRow:
        """Return it as a point of a sweep, with the means as metrics."""
        return SweepRow(number, list(self.overrides), self.status, self.mean, self.best, self.seconds)


def summarise(points: Sequence[Sequence[Plan]], rows: Sequence[SweepRow | None]) -> list[CrossValidation]:
    """Return the outcome of each configuration.

    points: its folds' plans. rows: of all plans, one after the other; None for one that has not ended.
    """
    left = list(rows)
    found = []
    for plans in points:
        own, left = left[: len(plans)], left[len(plans) :]
        found.append(_summary([row for row in own if row is not None], len(plans)))
    return found


def _summary(rows: Sequence[SweepRow], num_folds: int) -> CrossValidation:
    done = [row for row in rows if row.status == "completed"]
    names = dict.fromkeys(name for row in done for name in row.metrics)
    measured = {name: [row.metrics.get(name, math.nan) for row in done] for name in names}
    values = {name: [value for value in each if math.isfinite(value)] for name, each in measured.items()}
    bests = [row.best for row in done if row.best is not None]
    best = {**bests[0], "value": statistics.fmean(each["value"] for each in bests)} if bests else None
    if best is not None:
        best = {key: value for key, value in best.items() if key not in ("epoch", "step")}
    ended = next((row.status for row in rows if row.status != "completed"), "incomplete")
    return CrossValidation(
        overrides=[each for row in rows[:1] for each in row.overrides if not each.startswith(f"{FOLD}=")],
        status="completed" if len(done) == num_folds else "incomplete" if done else ended,
        num_folds=num_folds,
        mean={name: statistics.fmean(each) for name, each in values.items() if each},
        std={name: statistics.stdev(each) for name, each in values.items() if len(each) > 1},
        best=best,
        seconds=round(sum(row.seconds for row in rows), 3),
        folds=list(rows),
    )


def write(path: Path, found: Sequence[CrossValidation]) -> None:
    """Write `cross_validation.json`: the outcome of one configuration, or a list of several.

    Raises StorageError if the file cannot be written.
    """
    replace_file(path, (json.dumps(plain(found), indent=2) + "\n").encode())


def plain(found: Sequence[CrossValidation]) -> Any:
    """Return the outcome as plain values: one, or a list of several."""
    states = [each.state() for each in found]
    return states[0] if len(states) == 1 else states
