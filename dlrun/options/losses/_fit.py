"""Whether a loss fits a dataset."""

from __future__ import annotations

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.tasks.goals import goal_of


def check_loss_fits(spec: DataSpec, name: str) -> None:
    """Raise ConfigError, naming the losses that fit, if the loss `name` does not fit the dataset's targets."""
    goal = goal_of(spec)
    if name not in goal.losses:
        *others, last = goal.losses
        fitting = f"{', '.join(others)} or {last}" if others else last
        raise ConfigError(
            Problem(
                f"loss={name}",
                f"This dataset has {goal.describe_targets(spec)}; use loss={fitting}. loss=auto chooses by itself.",
                id="loss-mismatch",
                fix="loss=auto",
            )
        )
