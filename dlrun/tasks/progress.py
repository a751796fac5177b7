"""The progress of a run and the events that listeners receive; checkpoints contain the progress, to resume exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass
class Best:
    """The best evaluation so far. loss: breaks ties; None where the task has none, and in old checkpoints."""

    metric: str
    value: float
    epoch: int
    step: int
    loss: float | None = None


@dataclass
class Progress:
    """The progress of a run. `epoch` and `batch` count what is complete; `step` counts the optimizer's steps."""

    epoch: int = 0
    batch: int = 0  # within the current epoch
    step: int = 0
    samples: int = 0
    best: Best | None = None
    evaluations_without_gain: int = 0
    train_seconds: float = 0.0
    eval_seconds: float = 0.0
    total_seconds: float = 0.0  # until the last checkpoint
    loss_totals: dict[str, float] = field(default_factory=dict)  # sums over the steps since the last evaluation
    loss_steps: int = 0
    evaluation_due: bool = False  # the evaluation after this step was interrupted

    def state(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Progress:
        """Return the progress that `state` describes."""
        best = state["best"]
        return cls(**{**state, "best": None if best is None else Best(**best)})


class RunningMeans:
    """Means of the scalars that training steps return; they stay on the device until they are read.

    On the CPU, where reading is free, each value is checked at once.
    """

    def __init__(self, *, on_cpu: bool) -> None:
        self._on_cpu = on_cpu
        self._sums: dict[str, Any] = {}
        self.count = 0

    def add(self, values: dict[str, Tensor]) -> bool:
        """Add a step's scalars; return False if one is not finite (checked on the CPU only)."""
        finite = True
        for name, value in values.items():
            if self._on_cpu:
                number = value.item()
                finite = finite and number - number == 0.0  # neither infinite nor NaN
                self._sums[name] = self._sums.get(name, 0.0) + number
            elif name in self._sums:
                self._sums[name] += value
            else:
                self._sums[name] = value.to(torch.float64, copy=True)  # a captured step reuses its tensor
        self.count += 1
        return finite

    def take(self) -> tuple[dict[str, float], int]:
        """Return the sums and the number of steps, and reset both to zero."""
        sums, count = {name: float(value) for name, value in self._sums.items()}, self.count
        self._sums, self.count = {}, 0
        return sums, count

    def state(self) -> dict[str, Any]:
        """Return the sums and the count as plain values, without resetting them."""
        return {"sums": {name: float(value) for name, value in self._sums.items()}, "count": self.count}

    def restore(self, state: dict[str, Any], device: torch.device) -> None:
        """Continue from what `state` returned."""
        self.count = state["count"]
        self._sums = {
            name: value if self._on_cpu else torch.tensor(value, dtype=torch.float64, device=device)
            for name, value in state["sums"].items()
        }


Row = Mapping[str, float]
"""One line of metrics.jsonl: `step`, `epoch`, `seconds`, then metrics named `split/name`."""


class Listener:
    """An observer of a run; it must not change the run. Each method does nothing unless overridden."""

    def on_step(self, progress: Progress, row: Row) -> None:
        """Receive the means of the steps since the last logged step."""

    def on_epoch(self, progress: Progress, row: Row) -> None:
        """Receive the metrics of an evaluation."""

    def on_notice(self, text: str) -> None:
        """Receive a sentence that the user should read, between two steps."""

    def on_end(self, result: Mapping[str, Any]) -> None:
        """Receive the result; called once at the end of the run, however it ended."""


def tell_all(listeners: Sequence[Listener], text: str) -> None:
    """Send a sentence about the run to listeners."""
    for listener in listeners:
        listener.on_notice(text)
