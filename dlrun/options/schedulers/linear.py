"""The learning rate falls linearly."""

from __future__ import annotations

from dlrun.configuration.schema.fields import Probability
from dlrun.optim.schedule import Formula, Horizon, Schedule


def linear(horizon: Horizon, *, min_factor: Probability) -> Schedule:
    """The factor falls linearly from 1 to `min_factor`."""
    return Formula(lambda step: 1 + (min_factor - 1) * min(1.0, step / max(1, horizon.total_steps)))
