"""The Pareto front of a sweep with several objectives, as a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from dlrun.report.tables import print_table
from dlrun.runs.sweeps.pareto import by_trial, mean_losses, pareto_front, value_of
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.wording import number


def print_front(rows: Sequence[SweepRow], objectives: Sequence[str]) -> None:
    """Print the points that none is better than in everything, by the first objective; nothing for fewer than two.

    Points that differ only in seed or fold are one row, with their means.
    """
    if len(objectives) < 2:
        return
    front = pareto_front(rows, objectives)
    trials = by_trial(row for row in rows if row.point in front)
    table = []
    for words, taken in trials.items():
        points = ",".join(map(str, sorted(row.point for row in taken)))
        columns = [[value for row in taken if (value := value_of(row, name)) is not None] for name in objectives]
        means = [number(statistics.fmean(column)) for column in columns]
        table.append((mean_losses(taken, objectives) or (), [points, *means, " ".join(words)]))
    print(f"\nPareto front of {' and '.join(objectives)}:")  # noqa: T201
    ordered = [cells for _, cells in sorted(table, key=lambda each: each[0])]
    print_table(["point", *objectives, "overrides"], ordered, right=range(1, 1 + len(objectives)))
