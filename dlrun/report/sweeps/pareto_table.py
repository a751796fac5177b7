"""The Pareto front of a sweep with several objectives, as a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from dlrun.report.tables import print_table
from dlrun.runs.sweeps.pareto import by_trial, mean_losses, pareto_front, value_of
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.wording import numbers


def print_front(rows: Sequence[SweepRow], objectives: Sequence[str]) -> None:
    """Print the points that none is better than in everything, by the first objective; nothing for fewer than two.

    Points that differ only in seed or fold are one row, with their means.
    """
    if len(objectives) < 2:
        return
    front = pareto_front(rows, objectives)
    trials = by_trial(row for row in rows if row.point in front)
    ordered = sorted(trials.items(), key=lambda each: mean_losses(each[1], objectives) or ())
    columns = [numbers([_mean(taken, name) for _, taken in ordered]) for name in objectives]
    table = [
        [",".join(map(str, sorted(row.point for row in taken))), *(cells[place] for cells in columns), " ".join(words)]
        for place, (words, taken) in enumerate(ordered)
    ]
    print(f"\nPareto front of {' and '.join(objectives)}:")
    print_table(["point", *objectives, "overrides"], table, right=range(1, 1 + len(objectives)))


def _mean(rows: Sequence[SweepRow], objective: str) -> float:
    """The mean of the rows that have a value."""
    return statistics.fmean(value for row in rows if (value := value_of(row, objective)) is not None)
