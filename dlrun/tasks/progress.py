"""All that a training loop must remember, in one place, so that it can be saved whole and gone on with exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass
class Best:
    """The best evaluation so far."""

    metric: str
    value: float
    epoch: int
    step: int


@dataclass
class Progress:
    """Where a run stands. `epoch` and `batch` are what is complete; `step` counts the optimizer's steps."""

    epoch: int = 0
    batch: int = 0  # within the epoch at hand
    step: int = 0
    samples: int = 0
    best: Best | None = None
    evaluations_without_gain: int = 0
    train_seconds: float = 0.0
    eval_seconds: float = 0.0
    total_seconds: float = 0.0  # up to the last save
    loss_totals: dict[str, float] = field(default_factory=dict)  # summed over steps since the last evaluation
    loss_steps: int = 0
    evaluation_due: bool = False  # a stop broke off the evaluation after this step

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Progress:
        """From what `state` gave."""
        best = state["best"]
        return cls(**{**state, "best": None if best is None else Best(**best)})


class RunningMeans:
    """Means of the scalars that steps return, without waiting for the device until they are read.

    On the CPU reading costs nothing, so each value is checked at once.
    """

    def __init__(self, *, on_cpu: bool) -> None:
        self._on_cpu = on_cpu
        self._sums: dict[str, Any] = {}
        self.count = 0

    def add(self, values: dict[str, Tensor]) -> bool:
        """Add a step's scalars; False when one, where that can be told at once, is not finite."""
        finite = True
        for name, value in values.items():
            if self._on_cpu:
                number = value.item()
                finite = finite and number - number == 0.0  # neither infinite nor NaN
                self._sums[name] = self._sums.get(name, 0.0) + number
            elif name in self._sums:
                self._sums[name] += value
            else:
                self._sums[name] = value.to(torch.float64)
        self.count += 1
        return finite

    def take(self) -> tuple[dict[str, float], int]:
        """The sums and how many steps they hold, which start again at zero."""
        sums, count = {name: float(value) for name, value in self._sums.items()}, self.count
        self._sums, self.count = {}, 0
        return sums, count

    def state(self) -> dict[str, Any]:
        """Plain values; reading them changes nothing."""
        return {"sums": {name: float(value) for name, value in self._sums.items()}, "count": self.count}

    def restore(self, state: dict[str, Any], device: torch.device) -> None:
        """From what `state` gave."""
        self.count = state["count"]
        self._sums = {
            name: value if self._on_cpu else torch.tensor(value, dtype=torch.float64, device=device)
            for name, value in state["sums"].items()
        }


Row = Mapping[str, float]
"""`step`, `epoch`, `seconds`, then metrics named `split/name`."""


class Listener:
    """Somebody who watches a run; each method does nothing unless overridden."""

    def on_step(self, progress: Progress, row: Row) -> None:
        """After a step that is logged."""

    def on_epoch(self, progress: Progress, row: Row) -> None:
        """After an evaluation."""

    def on_end(self, result: Mapping[str, Any]) -> None:
        """Once, when the run is over, however it ended."""
