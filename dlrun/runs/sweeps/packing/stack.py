"""Parameters of several models of one structure in one tensor each: every model's own become slices of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Stack:
    """The parameters of K modules of one structure, by name, (K, ...); each module then works on its own slice.

    What changes a module's parameters in place changes the stack, and the other way round.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.parameters: dict[str, Tensor] = {}
        named = [dict(module.named_parameters()) for module in modules]
        for name, first in named[0].items():
            # each slice has the strides of its parameter, so that optimizers work on it as on the parameter
            stacked = torch.empty_strided(
                (len(named), *first.shape), (first.numel(), *first.stride()), dtype=first.dtype, device=first.device
            )
            for place, own in zip(stacked.unbind(0), (each[name] for each in named), strict=True):
                place.copy_(own.detach())
                own.data = place
            self.parameters[name] = stacked.requires_grad_(first.requires_grad)
        self.trained = [name for name, stacked in self.parameters.items() if stacked.requires_grad]

    def gradients(self, losses: Tensor) -> list[tuple[Tensor | None, ...]]:
        """Return, for each module, the gradients of its own loss, in the order of `trained`. losses: (K,)."""
        trained = [self.parameters[name] for name in self.trained]
        found = torch.autograd.grad(losses.sum(), trained, allow_unused=True)
        slices = [
            (None,) * len(losses) if gradient is None else _with_strides_of(stacked, gradient).unbind(0)
            for stacked, gradient in zip(trained, found, strict=True)
        ]
        return list(zip(*slices, strict=True))


def _with_strides_of(stacked: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with the strides of what it changes: fused optimizers read memory in order."""
    if gradient.stride() == stacked.stride():
        return gradient
    return torch.empty_strided(gradient.shape, stacked.stride(), dtype=gradient.dtype, device=gradient.device).copy_(
        gradient
    )
