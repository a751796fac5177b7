"""Whether the losses of the first steps are those of a recipe. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

SAME_DEVICE, OTHER_DEVICE = 1e-3, 0.1
"""Relative tolerances where the environment differs, on the same kind of device and precision, and on another.

Sums in another order change float32 by 1e-7, which ten steps amplify; another device also draws other dropout masks.
"""

Losses = Mapping[str, Sequence[float]]


def tolerance(differs: Mapping[str, Sequence[Any]] | None) -> float:
    """Return the relative tolerance of losses: 0 where the environment is that of the lock.

    differs: what differs from the lock, as `lock.differences` finds it; None if there is no lock.
    """
    if differs is None:
        return SAME_DEVICE
    if not differs:
        return 0.0
    device = differs.get("device", ("cpu", "cpu"))
    kinds = {str(each).partition(":")[0] for each in device}
    return OTHER_DEVICE if len(kinds) > 1 or "precision" in differs else SAME_DEVICE


def first_difference(promised: Losses, measured: Losses, *, relative: float) -> str | None:
    """Return the first loss outside the tolerance in words; None if all are within it."""
    for name, values in promised.items():
        found = measured.get(name, ())
        for step, value in enumerate(values, start=1):
            if step > len(found):
                return f"{name} has no value at step {step}; it was {value!r}"
            if not math.isfinite(found[step - 1]) or abs(found[step - 1] - value) > relative * abs(value):
                return f"{name} at step {step} is {found[step - 1]!r} instead of {value!r}"
    return None
