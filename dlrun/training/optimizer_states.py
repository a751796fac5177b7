"""How many bytes the state of an optimizer will have, before its first step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dlrun.data.spec import Batch
from dlrun.options.optimizers.muon import MuonWithAdamW
from dlrun.tasks.task import Evaluation, Task, Update

BuildOptimizers = Callable[[Task], Mapping[str, torch.optim.Optimizer]]
"""Build the optimizer of each parameter group of a task."""

_SIDES = {0: (), 1: (48,), 2: (32, 24)}  # of the parameters that stand for a task's, by number of dimensions


def _momentum(group: Mapping[str, Any]) -> int:
    return 1 if group["momentum"] else 0


def _adam(group: Mapping[str, Any]) -> int:
    return 3 if group.get("amsgrad") else 2


_KNOWN: Mapping[type[torch.optim.Optimizer], Callable[[Mapping[str, Any]], int]] = {
    torch.optim.SGD: _momentum,
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adam,
    torch.optim.NAdam: lambda group: 2,
    torch.optim.Adagrad: lambda group: 1,
    torch.optim.RMSprop: lambda group: 1 + _momentum(group) + (1 if group["centered"] else 0),
    MuonWithAdamW: lambda group: 1 if "ns_steps" in group else 2,
}
"""Numbers kept for each weight of a parameter group. Taking a step would import torch's compiler, which takes 3 s."""


def state_bytes(task: Task, build: BuildOptimizers) -> int:
    """Return the bytes of the states of a task's optimizers; the task may be on `meta`.

    An optimizer of the user's own takes one step on small parameters, and its state is measured.
    Raises ConfigError if it cannot be built.
    """
    sample, total = _Sample(task), 0.0
    for name, optimizer in build(sample).items():
        members: Any = sample.groups[name]
        known = _KNOWN.get(type(optimizer))
        ratios = _measured(optimizer, members) if known is None else _counted(optimizer, members, known)
        for parameter in task.param_groups()[name].parameters():
            if parameter.requires_grad:
                total += ratios[parameter.ndim] * parameter.nbytes
    return math.ceil(total)


def _counted(
    optimizer: torch.optim.Optimizer, members: Mapping[str, Tensor], known: Callable[[Mapping[str, Any]], int]
) -> dict[int, float]:
    """Bytes of state for each byte of a parameter, by its number of dimensions."""
    groups = {id(parameter): group for group in optimizer.param_groups for parameter in group["params"]}
    return {int(ndim): known(groups[id(parameter)]) for ndim, parameter in members.items()}


def _measured(optimizer: torch.optim.Optimizer, members: Mapping[str, Tensor]) -> dict[int, float]:
    for parameter in members.values():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    ratios = {}
    for ndim, parameter in members.items():
        state = optimizer.state.get(parameter, {}).values()
        tensors = [value for value in state if isinstance(value, Tensor) and value.numel() > 1]
        size = sum(tensor.nbytes for tensor in tensors)
        ratios[int(ndim)] = size / parameter.nbytes
    return ratios


class _Sample(Task):
    """Small parameters that stand for a task's, in the same groups: one for each number of dimensions."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._overrides = task.optimizer_overrides()
        self.groups = nn.ModuleDict()
        for name, module in task.param_groups().items():
            dimensions = {parameter.ndim for parameter in module.parameters() if parameter.requires_grad}
            shapes = {ndim: _SIDES.get(ndim, (8, 6) + (3,) * (ndim - 2)) for ndim in sorted(dimensions)}
            members = {str(ndim): nn.Parameter(torch.zeros(shape)) for ndim, shape in shapes.items()}
            self.groups[name] = nn.ParameterDict(members)

    def param_groups(self) -> Mapping[str, nn.Module]:
        return dict(self.groups.items())

    def optimizer_overrides(self) -> Mapping[str, Mapping[str, object]]:
        return self._overrides

    def train_step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        raise NotImplementedError  # it is never trained

    def evaluation(self) -> Evaluation:
        raise NotImplementedError  # it is never evaluated
