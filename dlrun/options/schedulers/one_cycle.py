"""The 1cycle policy: the learning rate rises and falls once."""

from __future__ import annotations

import math
from typing import Annotated

from dlrun.configuration.schema.fields import Fraction, Range
from dlrun.optim.schedule import Formula, Horizon, Schedule


def one_cycle(
    horizon: Horizon,
    *,
    rise: Fraction,
    start_divisor: Annotated[float, Range(low=1, high=1e9)],
    end_divisor: Annotated[float, Range(low=1, high=1e12)],
) -> Schedule:
    """The factor rises from 1/start_divisor to 1 in the first `rise` of the run, then falls to 1/end_divisor.

    Smith and Topin 2018.
    """
    peak = rise * horizon.total_steps

    def between(start: float, end: float, share: float) -> float:
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2

    def factor(step: int) -> float:
        if step < peak:
            return between(1 / start_divisor, 1.0, step / peak)
        share = min(1.0, (step - peak) / max(1.0, horizon.total_steps - peak))
        return between(1.0, 1 / end_divisor, share)

    return Formula(factor)
