"""The only code that updates weights: backward, accumulation, clipping, loss scaling, step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dlrun.optim.device import Device
from dlrun.optim.distributed.gradients import GradientSum
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.sharded_gradients import ShardedGradients, are_finite_everywhere, unscale_together
from dlrun.optim.finite import AllFinite, NotFinite
from dlrun.optim.kernels import Step, parameters_of, step_of
from dlrun.optim.rates import Rates


class Updater:
    """Updates the weights of a parameter group to reduce a loss; call it as `update(group, loss)`.

    The gradients of a group's loss reach only that group's parameters. With accumulation, `weight` is the batch's share
    of the step's rows, so that the result equals one large batch, and `is_last` is whether the step is complete.
    """

    def __init__(
        self, optimizers: Mapping[str, torch.optim.Optimizer], *, device: Device, clip_norm: float | None = None
    ) -> None:
        self.optimizers = dict(optimizers)
        self._parameters = {name: parameters_of(optimizer) for name, optimizer in optimizers.items()}
        self._strides = {name: [each.stride() for each in found] for name, found in self._parameters.items()}
        self._compute_gradients: Callable[..., list[Tensor | None]] = compute_gradients
        self._instrument: Callable[[str, Callable[..., Any]], Callable[..., Any]] | None = None
        group, self._sharded = device.group, dict[str, ShardedGradients]()
        if group.shards is not None:
            self._sharded = {name: ShardedGradients(found, group.shards) for name, found in self._parameters.items()}
        self.num_forgotten = 0  # how often the state was replaced; whoever holds on to it must begin anew
        self.forget()
        self._clip_norm = clip_norm
        self._all_finite = AllFinite()
        self._device = device
        scaled = self.optimizers if device.precision == "fp16" else ()
        # one per group: a shared one would change its scale while another group still accumulates
        self.scalers = {name: torch.amp.GradScaler(device.torch.type) for name in scaled}
        summed = {} if group.is_alone or self._sharded else self._parameters
        self._sums: dict[str, Callable[..., list[Tensor | None]]] = {
            name: GradientSum(found, group) for name, found in summed.items()
        }
        self._hooks: tuple[Callable[[list[Tensor], list[Tensor | None]], None], Callable[[], None]] | None = None
        self.weight: float | Tensor = 1.0
        self.is_last = True
        self._rates = Rates(list(self.optimizers.values()), device.torch)

    def forget(self) -> None:
        """Read the optimizers' state again, after it was replaced, and drop accumulated gradients."""
        self.num_forgotten += 1
        self._steps: dict[str, Step] = {name: step_of(optimizer) for name, optimizer in self.optimizers.items()}
        if self._instrument is not None:
            self._steps = {name: self._instrument("step", step) for name, step in self._steps.items()}
        self._accumulated: dict[str, list[Tensor | None]] = {}
        for sharded in self._sharded.values():
            sharded.forget()

    def instrument(self, wrap: Callable[[str, Callable[..., Any]], Callable[..., Any]]) -> None:
        """Replace the functions of "backward", "sum" (over processes) and "step" by `wrap(phase, function)`."""
        self._instrument = wrap
        self._compute_gradients = wrap("backward", compute_gradients)
        self._sums = {name: wrap("sum", function) for name, function in self._sums.items()}
        for sharded in self._sharded.values():
            sharded.add = wrap("backward", sharded.add)
        self.forget()

    def __call__(self, name: str, loss: Tensor) -> None:
        if self._device.precision != "fp32":
            with torch.autocast(self._device.torch.type, enabled=False):
                self._update(name, loss.float())
            if self.is_last:
                torch.clear_autocast_cache()  # it contains casts of the weights before the step
        else:
            self._update(name, loss)

    def _update(self, name: str, loss: Tensor) -> None:
        if isinstance(self.weight, Tensor):
            loss = loss * self.weight.to(loss.dtype)
        elif self.weight != 1.0:
            loss = loss * self.weight
        scaler = self.scalers.get(name)
        gradients = self._gradients(name, loss if scaler is None else scaler.scale(loss))
        if gradients is None:
            return
        if self._hooks is not None:
            self._hooks[0](self._parameters[name], gradients)
        elif self._device.is_cpu and scaler is None:  # on other devices the check would synchronise each step
            here = self._all_finite(gradients)
            if not (are_finite_everywhere(self._device.group, is_finite_here=here) if self._sharded else here):
                raise NotFinite  # before a weight changes
        if scaler is not None:
            group = self._device.group if self._sharded else None
            scaled_step(self.optimizers[name], self._parameters[name], gradients, scaler, self._clip_norm, group)
        else:
            self.apply(name, gradients)
        if self._hooks is not None:
            self._hooks[1]()

    def _gradients(self, name: str, loss: Tensor) -> list[Tensor | None] | None:
        """Return the gradients of a step, summed over its batches and over all processes; None until its last batch."""
        if self._sharded:
            self._sharded[name].add(loss)
            return self._sharded[name].take() if self.is_last else None
        gradients = self._compute_gradients(
            loss, self._parameters[name], self._strides[name], self._accumulated.pop(name, None)
        )
        if not self.is_last:
            self._accumulated[name] = gradients
            return None
        return gradients if self._device.group.is_alone else self._sums[name](gradients)

    def apply(self, name: str, gradients: list[Tensor | None]) -> None:
        """Take the step of a group whose gradients are computed: clip them and step.

        gradients: one for each of `parameters(name)`, with its strides.
        """
        if self._clip_norm is not None:
            gradients = clip_gradients(gradients, self._clip_norm, self._device.group if self._sharded else None)
        self._steps[name](gradients)

    def parameters(self, name: str) -> list[Tensor]:
        """Return the parameters of a group, in the order in which its gradients are expected."""
        return self._parameters[name]

    @contextmanager
    def watched(
        self, before: Callable[[list[Tensor], list[Tensor | None]], None], after: Callable[[], None]
    ) -> Iterator[None]:
        """Return a context that calls `before(parameters, gradients)` and `after()` around each group's step."""
        self._hooks = before, after
        try:
            yield
        finally:
            self._hooks = None

    def set_factor(self, factor: float) -> None:
        """Multiply every learning rate by the schedule's factor."""
        self._rates.set_factor(factor)

    @property
    def lr(self) -> float:
        """The current learning rate of the first group."""
        return self._rates.of_first_group


def scaled_step(
    optimizer: torch.optim.Optimizer,
    parameters: list[Tensor],
    gradients: list[Tensor | None],
    scaler: torch.amp.GradScaler,
    clip_norm: float | None,
    group: Group | None,
) -> None:
    """Take a step in fp16: unscale the gradients, and skip the step if they overflowed.

    group: of the processes that have the other parts of the gradients, if these are parts.
    """
    set_gradients(parameters, gradients)
    if group is not None:
        unscale_together(scaler, optimizer, group)
        if clip_norm is not None:
            set_gradients(parameters, clip_gradients(gradients, clip_norm, group))
    elif clip_norm is not None:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(parameters, clip_norm)
    scaler.step(optimizer)
    scaler.update()
    for parameter in parameters:
        parameter.grad = None


def set_gradients(parameters: list[Tensor], gradients: list[Tensor | None]) -> None:
    """Give each parameter its gradient, for `optimizer.step()`."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient


def compute_gradients(
    loss: Tensor,
    parameters: list[Tensor],
    strides: list[tuple[int, ...]],
    accumulated: list[Tensor | None] | None,
) -> list[Tensor | None]:
    """Return the gradient of each parameter, with the parameter's strides, plus the accumulated ones."""
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    # fused kernels read memory in order: a gradient in another layout would update the wrong weights
    gradients: list[Tensor | None] = [
        gradient
        if gradient is None or gradient.stride() == stride
        else torch.empty_strided(gradient.shape, stride, dtype=gradient.dtype, device=gradient.device).copy_(gradient)
        for gradient, stride in zip(found, strides, strict=True)
    ]
    if accumulated is None:
        return gradients
    return [
        new if old is None else old if new is None else old + new
        for old, new in zip(accumulated, gradients, strict=True)
    ]


def clip_gradients(gradients: list[Tensor | None], norm: float, group: Group | None = None) -> list[Tensor | None]:
    """Return gradients scaled so that their global norm is at most `norm` (Pascanu et al. 2013).

    group: of the processes that have the other parts of the gradients, if these are parts.
    """
    present = [gradient for gradient in gradients if gradient is not None]
    total = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(present)))  # (P,) -> ()
    if group is not None:
        squared = total.double().square()
        group.add(squared)
        total = squared.sqrt().to(total.dtype)
    scaled = iter(torch._foreach_mul(present, (norm / (total + 1e-6)).clamp(max=1.0)))
    return [None if gradient is None else next(scaled) for gradient in gradients]
