"""How a trial ended, for a sampler that learns from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dlrun.runs.sweeps.pareto import best_loss, mean_losses
from dlrun.runs.sweeps.rows import SweepRow


@dataclass(frozen=True)
class Outcome:
    """How a trial ended. losses: one for each objective, less is better; none of a trial that failed."""

    status: Literal["completed", "pruned", "failed"]
    losses: tuple[float, ...] = ()


def outcome_of(rows: Sequence[SweepRow], objectives: Sequence[str]) -> Outcome:
    """Return the outcome of the points of one trial, its seeds and folds: the mean of their values.

    One that failed, diverged or has no finite value fails the trial: the mean of the others would flatter it. A pruned
    one prunes it, with the value that it had reached; several objectives have no such value.
    """
    losses = mean_losses(rows, objectives)
    if losses is not None:
        return Outcome("completed", losses)
    if all(row.is_completed or row.status == "pruned" for row in rows) and len(objectives) < 2:
        reached = [value for row in rows if (value := best_loss(row)) is not None and value == value]
        if len(reached) == len(rows):
            return Outcome("pruned", (sum(reached) / len(reached),))
    return Outcome("failed")
