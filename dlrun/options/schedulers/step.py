"""A rate that falls by a factor every so many epochs."""

from __future__ import annotations

from dlrun.configuration.schema.fields import Count, Probability
from dlrun.optim.schedule import Formula, Horizon, Schedule


def step(horizon: Horizon, *, every_epochs: Count, gamma: Probability) -> Schedule:
    """The rate is multiplied by gamma after each `every_epochs` epochs."""
    every = every_epochs * horizon.steps_per_epoch
    return Formula(lambda number: gamma ** (number // every))
