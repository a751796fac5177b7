"""The learning rate falls when the metric no longer improves."""

from __future__ import annotations

from typing import Any

from dlrun.configuration.schema.fields import Count, NonNegative, Probability
from dlrun.optim.schedule import Horizon, Schedule


def plateau(
    horizon: Horizon,
    *,
    patience: Count,
    gamma: Probability,
    min_delta: NonNegative,
    min_factor: Probability,
) -> Schedule:
    """The learning rate is multiplied by gamma after `patience` evaluations without a gain above `min_delta`."""
    return _Plateau(patience, gamma, min_delta, min_factor)


class _Plateau(Schedule):
    def __init__(self, patience: int, gamma: float, min_delta: float, min_factor: float) -> None:
        self._patience, self._gamma, self._min_delta, self._min_factor = patience, gamma, min_delta, min_factor
        self._factor = 1.0
        self._best: float | None = None
        self._waited = 0

    def factor(self, step: int) -> float:
        return self._factor

    def observe(self, value: float, *, higher_is_better: bool) -> None:
        gain = None if self._best is None else (value - self._best if higher_is_better else self._best - value)
        if gain is None or gain > self._min_delta:
            self._best, self._waited = value, 0
            return
        self._waited += 1
        if self._waited >= self._patience:
            self._factor = max(self._min_factor, self._factor * self._gamma)
            self._waited = 0

    def state(self) -> dict[str, Any]:
        return {"factor": self._factor, "best": self._best, "waited": self._waited}

    def restore(self, state: dict[str, Any]) -> None:
        self._factor, self._best, self._waited = state["factor"], state["best"], state["waited"]
