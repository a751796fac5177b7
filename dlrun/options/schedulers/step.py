"""The learning rate falls by a factor every few epochs."""

from __future__ import annotations

from dlrun.configuration.schema.fields import Count, Probability
from dlrun.optim.schedule import Formula, Horizon, Schedule


def step(horizon: Horizon, *, every_epochs: Count, gamma: Probability) -> Schedule:
    """The learning rate is multiplied by gamma after every `every_epochs` epochs."""
    every = every_epochs * horizon.steps_per_epoch
    return Formula(lambda number: gamma ** (number // every))
