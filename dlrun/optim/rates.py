"""The learning rates of a run's optimizers, which follow its schedule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


class Rates:
    """Sets the learning rate of every group to its first one times the schedule's factor.

    On a GPU it is rounded to float32, as a captured step reads it from a tensor: so both give the same bytes.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer], device: torch.device) -> None:
        self._groups = [group for optimizer in optimizers for group in optimizer.param_groups]
        self._first = [float(group.setdefault("initial_lr", group["lr"])) for group in self._groups]
        self._rounded = np.float32 if device.type == "cuda" else float
        self.set_factor(1.0)

    def set_factor(self, factor: float) -> None:
        """Multiply the first rates by the schedule's factor."""
        self._factor = factor
        for group, first in zip(self._groups, self._first, strict=True):
            group["lr"] = float(self._rounded(first * factor))

    @property
    def of_first_group(self) -> float:
        """The current rate of the first group, not rounded."""
        return self._first[0] * self._factor
