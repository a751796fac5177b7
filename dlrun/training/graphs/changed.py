"""What a training step changes on the device: to take a step twice from the same state, and to compare the results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dlrun.optim.loss_scaling import scale_tensors
from dlrun.optim.updater import Updater

CLOSE = 0.05
"""How far two results of one step may be apart, as a share of the step's length: kernels that add in no fixed order
differ by less, and a step with another batch or dropout mask by about 1."""


@dataclass(frozen=True)
class Copy:
    """Copies of every tensor that a step changes, and torch's random states: of the processor, and of the GPU."""

    tensors: Sequence[Tensor]
    random: Tensor
    random_of_gpu: Tensor | None


class Changed:
    """Parameters, buffers, optimizer states and loss scales of a task: restoring copies into the same memory.

    updater: after its first step, so that all of its state exists.
    """

    def __init__(self, task: nn.Module, updater: Updater, *, device: torch.device) -> None:
        self._device = device
        parameters = [parameter.detach() for parameter in task.parameters()]
        self._num_parameters = len(parameters)
        states = [
            value
            for optimizer in updater.optimizers.values()
            for state in optimizer.state.values()
            for value in state.values()
            if isinstance(value, Tensor)
        ]
        self._tensors = [
            *parameters,
            *(buffer.detach() for buffer in task.buffers()),
            *states,
            *scale_tensors(updater.scalers.values()),
        ]

    def copy(self) -> Copy:
        """Return a copy of the present state."""
        of_gpu = torch.cuda.get_rng_state(self._device) if self._device.type == "cuda" else None
        return Copy([tensor.clone() for tensor in self._tensors], torch.get_rng_state(), of_gpu)

    def restore(self, copy: Copy) -> None:
        """Go back to a copy, in place."""
        for tensor, saved in zip(self._tensors, copy.tensors, strict=True):
            tensor.copy_(saved)
        torch.set_rng_state(copy.random)
        if copy.random_of_gpu is not None:
            torch.cuda.set_rng_state(copy.random_of_gpu, self._device)

    def distance(self, *, before: Copy, after: Copy) -> float:
        """Return how far the present state is from `after`, as a share of the step from `before` to `after`.

        Of weights, and of everything else (buffers, optimizer states), the larger share. 0 if all bytes are equal;
        infinite if numbers differ after a step of length 0, or are not finite. This waits for the device.
        """
        split = self._num_parameters
        return max(
            _share(self._tensors[part], before.tensors[part], after.tensors[part])
            for part in (slice(0, split), slice(split, None))
        )


def _share(now: Sequence[Tensor], before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    """How far `now` is from `after`, as a share of the distance between `before` and `after`."""
    if all(torch.equal(tensor, saved) for tensor, saved in zip(now, after, strict=True)):
        return 0.0
    step, error = _distance(after, before), _distance(now, after)
    share = error / step if step > 0 else math.inf
    return share if math.isfinite(share) else math.inf


def _distance(tensors: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """The Euclidean distance between two lists of tensors."""
    squares = [(one.double() - other.double()).square().sum() for one, other in zip(tensors, others, strict=True)]
    return math.sqrt(sum(square.item() for square in squares))
