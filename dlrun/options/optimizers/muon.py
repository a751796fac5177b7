"""Muon: momentum whose matrices are made orthogonal; AdamW for whatever is not a matrix."""

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
    """Jordan et al. 2024. Matrices get Muon; biases, normalisation and kernels AdamW at lr x other_lr_factor."""
    matrices: list[tuple[torch.nn.Parameter, float]] = []
    others: list[tuple[torch.nn.Parameter, float]] = []
    for group in parameters:
        for parameter in group["params"]:
            (matrices if parameter.ndim == 2 else others).append((parameter, group.get("weight_decay", weight_decay)))
    return MuonWithAdamW(
        matrices, others, lr=lr, momentum=momentum, nesterov=nesterov, ns_steps=ns_steps, other_lr=lr * other_lr_factor
    )


class MuonWithAdamW(torch.optim.Optimizer):
    """Two optimizers that look like one: shared state, one list of groups, one step."""

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
        self._parts: list[torch.optim.Optimizer] = []
        if matrices:
            self._parts.append(
                torch.optim.Muon(_by_decay(matrices), lr=lr, momentum=momentum, nesterov=nesterov, ns_steps=ns_steps)
            )
        if others:
            self._parts.append(torch.optim.AdamW(_by_decay(others), lr=other_lr, fused=True))
        groups = [group for part in self._parts for group in part.param_groups]
        super().__init__(groups, {})
        self.param_groups = groups
        self.state: defaultdict[torch.Tensor, Any] = defaultdict(dict)
        for part in self._parts:
            part.state = self.state

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of both."""
        del closure
        for part in self._parts:
            part.step()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state of both, and let each have its part again."""
        super().load_state_dict(state_dict)
        first = 0
        for part in self._parts:
            last = first + len(part.param_groups)
            part.param_groups, part.state = self.param_groups[first:last], self.state
            first = last


def _by_decay(parameters: list[tuple[torch.nn.Parameter, float]]) -> list[dict[str, Any]]:
    groups: dict[float, list[torch.nn.Parameter]] = {}
    for parameter, decay in parameters:
        groups.setdefault(decay, []).append(parameter)
    return [{"params": members, "weight_decay": decay} for decay, members in groups.items()]
