"""Gradients of a sharded parameter group: computed, summed over all processes, and each process given its part.

The sum happens during the backward pass, block by block, in hooks that `torch.autograd.grad` would not run. With
accumulation it happens for each batch, so that no process ever holds all gradients at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.shards import Shards, local


class ShardedGradients:
    """Adds up the gradients of some parameters over the losses of a step, and hands over those of this process's parts.

    add: `add(loss)` adds the gradients of a loss; they reach only these parameters. It may be replaced, to measure it.
    """

    def __init__(self, parts: Sequence[Tensor], shards: Shards) -> None:
        self._sharded = [shards.sharded(part) for part in parts]
        self._whole = [shards.whole(part) for part in parts]
        self.add: Callable[[Tensor], None] = self._add

    def _add(self, loss: Tensor) -> None:
        loss.backward(inputs=self._whole)  # type: ignore[no-untyped-call]

    def take(self) -> list[Tensor | None]:
        """Return the gradient of each part, None where there is none, and forget them."""
        found = [None if each.grad is None else local(each.grad) for each in self._sharded]
        self.forget()
        return found

    def forget(self) -> None:
        """Drop what was accumulated."""
        for each in self._sharded:
            each.grad = None


def are_finite_everywhere(group: Group, *, is_finite_here: bool) -> bool:
    """Return whether something is finite in all processes; the same call carries their wishes."""
    bad, *wishes = group.totals([0.0 if is_finite_here else 1.0, *group.wishes.own()])
    group.wishes.hear(wishes)
    return bad == 0.0


def unscale_together(scaler: torch.amp.GradScaler, optimizer: torch.optim.Optimizer, group: Group) -> None:
    """Unscale gradients in fp16; an overflow in any process counts in all of them: all skip the step, or none."""
    scaler.unscale_(optimizer)
    for found in scaler._found_inf_per_device(optimizer).values():
        group.add(found)
