"""Whether numbers are finite: of a tensor, of all gradients of a step, of all weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class NotFinite(Exception):  # noqa: N818 - a finding; `divergence.explain` makes it a DivergedError
    """A loss, gradient or weight is infinite or not a number."""


def is_finite(tensor: Tensor) -> bool:
    """Whether every number of a tensor is finite; whole numbers are."""
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return True
    quick = tensor.detach().sum().item()  # one pass; a sum that overflows is looked into
    return quick - quick == 0.0 or bool(torch.isfinite(tensor.detach()).all())


def weights_are_finite(task: nn.Module) -> bool:
    """Whether all parameters and buffers are."""
    return all(is_finite(tensor) for tensor in (*task.parameters(), *task.buffers()))


class AllFinite:
    """Whether every number of some gradients is finite: one call for all, and exact.

    torch's loss scaling has a kernel for that, which also multiplies; by 1, so that the gradients stay as they are.
    """

    def __init__(self) -> None:
        self._found = torch.zeros(())
        self._one = torch.ones(())

    def __call__(self, gradients: Sequence[Tensor | None]) -> bool:
        there = [gradient for gradient in gradients if gradient is not None]
        torch._amp_foreach_non_finite_check_and_unscale_(there, self._found, self._one)
        if self._found.item() == 0.0:
            return True
        self._found.zero_()
        return False
