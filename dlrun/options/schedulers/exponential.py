"""The learning rate falls by a factor after each epoch."""

from __future__ import annotations

from dlrun.configuration.schema.fields import Probability
from dlrun.optim.schedule import Formula, Horizon, Schedule


def exponential(horizon: Horizon, *, gamma: Probability) -> Schedule:
    """The learning rate is multiplied by gamma after each epoch."""
    return Formula(lambda step: gamma ** (step // horizon.steps_per_epoch))
