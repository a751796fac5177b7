"""Steps of fused optimizers without the Python overhead of `optimizer.step()`.

They call torch's kernels (`torch._fused_adam_`, ...) on the optimizer's state and give the same bytes. `step()` itself
spends about a quarter of a small model's step on checks whose result does not change during a run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Step = Callable[[Sequence[Tensor | None]], None]
"""Update the parameters, given a gradient for each, in the optimizer's order."""


def step_of(optimizer: torch.optim.Optimizer) -> Step:
    """Return the fastest way to step this optimizer, with the same result as `optimizer.step()`."""
    if not is_fused(optimizer):
        return _PlainStep(optimizer)
    return _FusedSGD(optimizer) if type(optimizer) is torch.optim.SGD else _FusedAdam(optimizer)


def is_fused(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether a whole step is calls of torch's fused kernels, which never wait for the device."""
    fused = all(group.get("fused") for group in optimizer.param_groups)
    same_device = len({parameter.device for parameter in parameters_of(optimizer)}) == 1
    return fused and same_device and type(optimizer) in (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)


def parameters_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Return every parameter, in the order of the groups."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


class _PlainStep:
    """`optimizer.step()` itself."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._parameters = parameters_of(optimizer)

    def __call__(self, gradients: Sequence[Tensor | None]) -> None:
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        self._optimizer.step()
        for parameter in self._parameters:
            parameter.grad = None


class _Fused:
    """Base of the fused steps: the state in lists, one for each group, built when first needed."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._plain_step = _PlainStep(optimizer)
        self._lists: list[tuple[dict[str, Any], slice, list[Tensor], list[list[Tensor]]]] | None = None

    def __call__(self, gradients: Sequence[Tensor | None]) -> None:
        if any(gradient is None for gradient in gradients):  # the loss does not depend on every parameter
            self._plain_step(gradients)
            self._lists = None
            return
        if self._lists is None:
            self._lists = self._collect_state()
        for group, span, values, state in self._lists:  # none of them requires a gradient, so autograd records nothing
            self._step(group, values, gradients[span], state)  # type: ignore[arg-type]

    def _collect_state(self) -> list[tuple[dict[str, Any], slice, list[Tensor], list[list[Tensor]]]]:
        lists = []
        first = 0
        for group in self._optimizer.param_groups:
            members = group["params"]
            span = slice(first, first + len(members))
            first += len(members)
            lists.append((group, span, [member.detach() for member in members], self._state(group, members)))
        return lists

    def _state(self, group: dict[str, Any], members: list[Tensor]) -> list[list[Tensor]]:
        raise NotImplementedError

    def _step(
        self, group: dict[str, Any], values: list[Tensor], gradients: list[Tensor], state: list[list[Tensor]]
    ) -> None:
        raise NotImplementedError


class _FusedAdam(_Fused):
    """Adam and AdamW, without AMSGrad."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        super().__init__(optimizer)
        decoupled = isinstance(optimizer, torch.optim.AdamW)
        self._kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_

    def _state(self, group: dict[str, Any], members: list[Tensor]) -> list[list[Tensor]]:
        for member in members:
            state = self._optimizer.state[member]
            if not state:  # as torch.optim.Adam creates it
                state["step"] = torch.zeros((), dtype=torch.float32, device=member.device)
                state["exp_avg"] = torch.zeros_like(member, memory_format=torch.preserve_format)
                state["exp_avg_sq"] = torch.zeros_like(member, memory_format=torch.preserve_format)
        return [
            [self._optimizer.state[member][name] for member in members] for name in ("exp_avg", "exp_avg_sq", "step")
        ]

    def _step(
        self, group: dict[str, Any], values: list[Tensor], gradients: list[Tensor], state: list[list[Tensor]]
    ) -> None:
        means, squares, steps = state
        torch._foreach_add_(steps, 1)
        beta1, beta2 = group["betas"]
        self._kernel(
            values, gradients, means, squares, [], steps,
            lr=group["lr"], beta1=beta1, beta2=beta2, weight_decay=group["weight_decay"], eps=group["eps"],
            amsgrad=False, maximize=False,
        )  # fmt: skip


class _FusedSGD(_Fused):
    """SGD, with or without momentum."""

    def _state(self, group: dict[str, Any], members: list[Tensor]) -> list[list[Tensor]]:
        if not group["momentum"]:
            return [[]]
        buffers = [self._optimizer.state[member].get("momentum_buffer") for member in members]
        if any(buffer is None for buffer in buffers):
            return [[]]  # the first step creates them
        return [buffers]

    def _step(
        self, group: dict[str, Any], values: list[Tensor], gradients: list[Tensor], state: list[list[Tensor]]
    ) -> None:
        (buffers,) = state
        is_first = bool(group["momentum"]) and not buffers
        if is_first:
            buffers.extend(torch.empty_like(value, memory_format=torch.preserve_format) for value in values)
            for member, buffer in zip(group["params"], buffers, strict=True):
                self._optimizer.state[member]["momentum_buffer"] = buffer
        torch._fused_sgd_(
            values, gradients, buffers,
            weight_decay=group["weight_decay"], momentum=group["momentum"], lr=group["lr"],
            dampening=group["dampening"], nesterov=group["nesterov"], maximize=False, is_first_step=is_first,
        )  # fmt: skip
