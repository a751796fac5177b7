"""Muon: orthogonalised momentum for matrices, AdamW for all other parameters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch

from dlrun.configuration.schema.fields import Depth, Fraction, LearningRate, NonNegative
from dlrun.optim.param_groups import Parameters


def muon(
    parameters: Parameters,
    *,
    lr: LearningRate,
    momentum: Fraction,
    nesterov: bool,
    ns_steps: Depth,
    other_lr_factor: NonNegative,
    weight_decay: NonNegative,
) -> torch.optim.Optimizer:
    """Jordan et al. 2024. Biases, normalisation and convolution kernels use AdamW at lr x other_lr_factor."""
    matrices: list[tuple[torch.nn.Parameter, float]] = []
    others: list[tuple[torch.nn.Parameter, float]] = []
    for group in parameters:
        for parameter in group["params"]:
            (matrices if parameter.ndim == 2 else others).append((parameter, group.get("weight_decay", weight_decay)))
    return MuonWithAdamW(
        matrices, others, lr=lr, momentum=momentum, nesterov=nesterov, ns_steps=ns_steps, other_lr=lr * other_lr_factor
    )


class MuonWithAdamW(torch.optim.Optimizer):
    """Muon and AdamW as one optimizer: shared state, one list of parameter groups, one step."""

    def __init__(
        self,
        matrices: list[tuple[torch.nn.Parameter, float]],
        others: list[tuple[torch.nn.Parameter, float]],
        *,
        lr: float,
        momentum: float,
        nesterov: bool,
        ns_steps: int,
        other_lr: float,
    ) -> None:
        self._optimizers: list[torch.optim.Optimizer] = []
        if matrices:
            self._optimizers.append(
                torch.optim.Muon(_by_decay(matrices), lr=lr, momentum=momentum, nesterov=nesterov, ns_steps=ns_steps)
            )
        if others:
            self._optimizers.append(torch.optim.AdamW(_by_decay(others), lr=other_lr, fused=True))
        groups = [group for optimizer in self._optimizers for group in optimizer.param_groups]
        super().__init__(groups, {})
        self.param_groups = groups
        self.state: defaultdict[torch.Tensor, Any] = defaultdict(dict)
        for optimizer in self._optimizers:
            optimizer.state = self.state

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step of both optimizers."""
        del closure
        for optimizer in self._optimizers:
            optimizer.step()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state of both, and give each optimizer its own groups again."""
        super().load_state_dict(state_dict)
        first = 0
        for optimizer in self._optimizers:
            last = first + len(optimizer.param_groups)
            optimizer.param_groups, optimizer.state = self.param_groups[first:last], self.state
            first = last


def _by_decay(parameters: list[tuple[torch.nn.Parameter, float]]) -> list[dict[str, Any]]:
    groups: dict[float, list[torch.nn.Parameter]] = {}
    for parameter, decay in parameters:
        groups.setdefault(decay, []).append(parameter)
    return [{"params": members, "weight_decay": decay} for decay, members in groups.items()]
