"""The state of loss scaling in fp16: what a step changes of it, and how to begin a step anew."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def scale_tensors(scalers: Iterable[torch.amp.GradScaler]) -> list[Tensor]:
    """Return the tensors in which scalers keep their state; they exist once a step was taken."""
    found = [each for scaler in scalers for each in (scaler._scale, scaler._growth_tracker)]
    return [each for each in found if each is not None]


def drop_scaled_steps(scalers: Iterable[torch.amp.GradScaler]) -> None:
    """Forget how far scalers got with a step that ended with an error: they refuse to begin another one before."""
    for scaler in scalers:
        scaler._per_optimizer_states.clear()
