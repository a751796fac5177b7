"""Cosine annealing: the learning rate falls along half a cosine."""

from __future__ import annotations

import math

from dlrun.configuration.schema.fields import Probability
from dlrun.optim.schedule import Formula, Horizon, Schedule


def cosine(horizon: Horizon, *, min_factor: Probability) -> Schedule:
    """The factor falls from 1 to `min_factor` along half a cosine (Loshchilov and Hutter 2017, without restarts)."""

    def factor(step: int) -> float:
        share = min(1.0, step / max(1, horizon.total_steps))
        return min_factor + (1 - min_factor) * (1 + math.cos(math.pi * share)) / 2

    return Formula(factor)
