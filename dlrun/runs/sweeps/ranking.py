"""Groups of runs, best first, each with what can be said of it beside the best one. Imports no torch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from dlrun.runs.sweeps.groups import Group
from dlrun.runs.sweeps.noise import Verdict, judge

_SPLIT = "dataset.split_seed"


@dataclass(frozen=True)
class Ranked:
    """A group in its place.

    metric: what it is sorted by; None if it has no value. verdict: None where there is nothing to compare it with.
    """

    group: Group
    metric: str | None
    mean: float | None
    spread: float | None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Ranking:
    """Groups, best first; `compared` are those that were held against each other, one list for each data and metric."""

    rows: list[Ranked]
    compared: list[list[Ranked]] = field(default_factory=list)

    @property
    def has_repeats(self) -> bool:
        """Whether any row has more than one run."""
        return any(len(row.group.trials) > 1 for row in self.rows)


def rank(groups: Sequence[Group], metric: str | None = None) -> Ranking:
    """Sort by `metric`; without one, by what was measured on and then by the metric that chose the best checkpoints.

    First come rows with a completed run, then values of others, then values whose direction is unknown, last rows
    without a value. Only rows with the same data and the same metric are held against each other.
    """
    rows = []
    for each in groups:
        name = metric or each.chosen
        mean = None if name is None else each.mean(name)
        has_value = name is not None and mean is not None and math.isfinite(mean)
        rows.append(Ranked(each, name if has_value else None, mean, each.spread(name) if name else None))
    order = sorted(rows, key=lambda row: _place(row, boards=metric is None))
    boards: dict[tuple[str, str, str], list[Ranked]] = {}
    for row in order:
        if row.metric is not None and row.group.values(row.metric) and _higher(row) is not None:
            boards.setdefault(_board(row), []).append(row)
    verdicts = {id(row): verdict for board in boards.values() for row, verdict in _judged(board)}
    judged = {id(row): dataclasses.replace(row, verdict=verdicts.get(id(row))) for row in order}
    return Ranking(
        [judged[id(row)] for row in order], [[judged[id(row)] for row in board] for board in boards.values()]
    )


def _place(row: Ranked, *, boards: bool) -> tuple[int, tuple[str, ...], float]:
    """The place of a row in the table. boards: whether those with the same data and metric stand together."""
    kind, value = _in_board(row)
    return (kind, _board(row) if boards else (), value)


def _board(row: Ranked) -> tuple[str, str, str]:
    """What rows must have in common to be held against each other."""
    return (row.group.data, str(row.group.settings.get(_SPLIT, "")), row.metric or "")


def _higher(row: Ranked) -> bool | None:
    return None if row.metric is None else row.group.is_higher_better(row.metric)


def _in_board(row: Ranked) -> tuple[int, float]:
    """The place of a row among those with the same data and metric."""
    if row.metric is None or row.mean is None:
        return (3 if any(trial.is_completed for trial in row.group.trials) else 4, 0.0)
    higher = _higher(row)
    if higher is None:
        return (2, 0.0)
    return (0 if row.group.values(row.metric) else 1, -row.mean if higher else row.mean)


def _judged(board: Sequence[Ranked]) -> list[tuple[Ranked, Verdict]]:
    """The rows with their verdicts; none if no row has repetitions or there is only one row."""
    values = [row.group.values(str(row.metric)) for row in board]
    if len(board) < 2 or max(map(len, values)) < 2:
        return []
    return list(zip(board, judge(values, higher=bool(_higher(board[0]))), strict=True))
