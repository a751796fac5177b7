"""Check that numbers are finite: of a tensor, of the gradients of a step, of all weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.shards import local


class NotFinite(Exception):  # noqa: N818 - a signal; `divergence.explain` makes it a DivergedError
    """A loss, gradient or weight is infinite or NaN."""


def is_finite(tensor: Tensor) -> bool:
    """Return whether every number of a tensor is finite; integers always are."""
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return True
    quick = tensor.detach().sum().item()  # one pass; a sum that overflows is checked exactly
    return quick - quick == 0.0 or bool(torch.isfinite(tensor.detach()).all())


def weights_are_finite(task: nn.Module, group: Group | None = None) -> bool:
    """Return whether all parameters and buffers are finite; of a sharded model, the parts of all processes."""
    here = _all_finite([local(tensor) for tensor in (*task.parameters(), *task.buffers())])
    if group is None or group.shards is None:
        return here
    return group.totals([0.0 if here else 1.0]) == [0.0]


def _all_finite(tensors: Sequence[Tensor]) -> bool:
    if any(not tensor.is_cpu for tensor in tensors):  # one number to wait for; a sum that overflows is checked exactly
        sums = [tensor.detach().sum().double() for tensor in tensors if tensor.is_floating_point()]
        if not sums or bool(torch.stack(sums).isfinite().all()):
            return True
    return all(is_finite(tensor) for tensor in tensors)


class AllFinite:
    """Checks exactly, in one call, whether every number of a list of gradients is finite.

    It uses the kernel of torch's loss scaling, which also multiplies: by 1, so that the gradients do not change.
    """

    def __init__(self) -> None:
        self._found = torch.zeros(())
        self._one = torch.ones(())

    def __call__(self, gradients: Sequence[Tensor | None]) -> bool:
        present = [gradient for gradient in gradients if gradient is not None]
        torch._amp_foreach_non_finite_check_and_unscale_(present, self._found, self._one)
        if self._found.item() == 0.0:
            return True
        self._found.zero_()
        return False
