"""The learning rate over time: a factor on the optimizer's rate, worked out from the step's number.

A schedule is a function of the step, so that going on after an interruption needs no replay. Only `plateau` remembers
anything, and that is saved with the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Horizon:
    """How long a run is, in steps of the optimizer, warm-up left out."""

    total_steps: int
    steps_per_epoch: int


class Schedule:
    """A factor for every step, step 0 being the first."""

    is_constant = False

    def factor(self, step: int) -> float:
        """What the learning rate is multiplied with at this step."""
        raise NotImplementedError

    def observe(self, value: float, *, higher_is_better: bool) -> None:
        """Told the metric after each evaluation."""

    def state(self) -> dict[str, Any]:
        """What it remembers, as plain values."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Remember what `state` gave."""


class Formula(Schedule):
    """A schedule that is a formula and nothing more."""

    def __init__(self, formula: Callable[[int], float], *, is_constant: bool = False) -> None:
        self._formula = formula
        self.is_constant = is_constant

    def factor(self, step: int) -> float:
        return self._formula(step)


class WarmUp(Schedule):
    """Rises linearly to the full rate over `steps` steps, then hands over to `inner` from its step 0."""

    def __init__(self, inner: Schedule, steps: int) -> None:
        self._inner = inner
        self._steps = steps

    def factor(self, step: int) -> float:
        if step < self._steps:
            return (step + 1) / (self._steps + 1)
        return self._inner.factor(step - self._steps)

    def observe(self, value: float, *, higher_is_better: bool) -> None:
        self._inner.observe(value, higher_is_better=higher_is_better)

    def state(self) -> dict[str, Any]:
        return self._inner.state()

    def restore(self, state: dict[str, Any]) -> None:
        self._inner.restore(state)
