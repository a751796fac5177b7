"""Copies from the machine's memory to a GPU that nothing waits for."""

from __future__ import annotations

import torch
from torch import Tensor


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device; a copy to a GPU goes through pinned memory, so that the caller does not wait for it.

    torch keeps the pinned memory until the copy is done. A tensor that is there already is returned as it is.
    """
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
