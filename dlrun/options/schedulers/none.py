"""A constant learning rate."""

from __future__ import annotations

from dlrun.optim.schedule import Formula, Horizon, Schedule


def none(horizon: Horizon) -> Schedule:
    """The optimizer's rate throughout."""
    return Formula(lambda step: 1.0, is_constant=True)
