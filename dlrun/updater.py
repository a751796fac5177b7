"""The only way weights change: backward, accumulation, clipping, loss scaling, step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dlrun.device import Device


class Updater:
    """Moves each group's weights down the loss it is given; call it as `update(group, loss)`.

    Gradients of a group's loss reach that group's parameters only. With accumulation, `weight` is the batch's share
    of the rows in the step, so that the result equals one large batch, and `is_last` whether the step is complete.
    """

    def __init__(
        self, optimizers: Mapping[str, torch.optim.Optimizer], *, device: Device, clip_norm: float | None = None
    ) -> None:
        self.optimizers = dict(optimizers)
        self._parameters: dict[str, list[nn.Parameter]] = {
            name: [parameter for group in optimizer.param_groups for parameter in group["params"]]
            for name, optimizer in optimizers.items()
        }
        self._clip_norm = clip_norm
        self._device = device
        self._alone = len(self.optimizers) == 1
        self.scalers = (  # one a group: a shared one would change its scale while another group still accumulates
            {name: torch.amp.GradScaler(device.torch.type) for name in self.optimizers}
            if device.precision == "fp16"
            else {}
        )
        self.weight = 1.0
        self.is_last = True

    def __call__(self, name: str, loss: Tensor) -> None:
        if self._device.precision != "fp32":
            with torch.autocast(self._device.torch.type, enabled=False):
                self._update(name, loss.float())
            if self.is_last:
                torch.clear_autocast_cache()  # it holds casts of the weights as they were before the step
        else:
            self._update(name, loss)

    def _update(self, name: str, loss: Tensor) -> None:
        if self.weight != 1.0:
            loss = loss * self.weight
        scaler = self.scalers.get(name)
        if scaler is not None:
            loss = scaler.scale(loss)
        if self._alone:
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            loss.backward(inputs=self._parameters[name])  # type: ignore[no-untyped-call]
        if not self.is_last:
            return
        optimizer = self.optimizers[name]
        if self._clip_norm is not None:
            if scaler is not None:
                scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(self._parameters[name], self._clip_norm)
        if scaler is not None:
            scaler.step(optimizer)
            scaler.update()
        else:
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def set_factor(self, factor: float) -> None:
        """Multiply every learning rate by the schedule's factor."""
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor

    @property
    def lr(self) -> float:
        """The first group's learning rate now."""
        rate: float = next(iter(self.optimizers.values())).param_groups[0]["lr"]
        return rate
