"""Learning rate schedules: a factor on the optimizer's learning rate, computed from the step number.

A schedule is a function of the step, so that resuming needs no replay. Only `plateau` has state, which checkpoints
contain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Horizon:
    """The length of a run in optimizer steps, without the warm-up."""

    total_steps: int
    steps_per_epoch: int


class Schedule:
    """A factor for each step; the first step is 0."""

    is_constant = False

    def factor(self, step: int) -> float:
        """Return the factor on the learning rate at this step."""
        raise NotImplementedError

    def observe(self, value: float, *, higher_is_better: bool) -> None:
        """Receive the metric after each evaluation."""

    def state(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Load what `state` returned."""


class Formula(Schedule):
    """A schedule without state, given by a formula."""

    def __init__(self, formula: Callable[[int], float], *, is_constant: bool = False) -> None:
        self._formula = formula
        self.is_constant = is_constant

    def factor(self, step: int) -> float:
        return self._formula(step)


class WarmUp(Schedule):
    """Increases linearly to the full rate over `steps` steps, then continues with `inner` from its step 0."""

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
