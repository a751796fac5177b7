"""The training losses of several models at once, as a function of their stacked parameters and a batch.

Two ways, with the same result: dense layers as batched matrix products, which is the fastest on the CPU, and any other
model under `torch.func.vmap`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from dlrun.data.spec import Batch
from dlrun.runs.sweeps.packing.dense import DenseLayers, dense_layers
from dlrun.tasks.task import SupervisedTask

Parameters = Mapping[str, Tensor]
"""Stacked parameters by name, (K, ...)."""


class PackedLoss(Protocol):
    """The training losses of K models."""

    def __call__(self, parameters: Parameters, batch: Batch, *, shared: bool) -> Tensor:
        """Return the losses, (K,). shared: whether all models have one batch; if not, its tensors are (K, B, ...)."""
        ...


def packed_loss(tasks: Sequence[SupervisedTask], *, has_weights: bool) -> PackedLoss:
    """Return the training losses of tasks of one structure. has_weights: whether batches weight their rows."""
    layers = dense_layers([task.model for task in tasks])
    rows = None if has_weights and tasks[0].uses_weights else row_losses([task.loss for task in tasks])
    if layers is not None and rows is not None and tasks[0].num_members == 1:
        return _DenseLoss(layers, rows)
    return _MappedLoss(tasks)


class RowLosses:
    """The mean over rows of a loss that torch can compute for each row; label smoothing may differ between models.

    With smoothing s a loss is (1 - s) times that without plus s times that with a smoothing of 1.
    """

    def __init__(self, losses: Sequence[nn.Module]) -> None:
        smoothing = _smoothing_of(losses)
        self._smoothing = smoothing
        self._first = _by_row(losses[0], None if smoothing is None else 0.0)
        self._last = _by_row(losses[0], 1.0)

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """(K, B, C), (B, ...) or (K, B, ...) -> (K,)."""
        if targets.shape[:2] != outputs.shape[:2]:
            targets = targets.expand(len(outputs), *targets.shape)  # (B, ...) -> (K, B, ...)
        rows, wanted = outputs.flatten(0, 1), targets.flatten(0, 1)  # (K, B, ...) -> (K * B, ...)
        first: Tensor = self._first(rows, wanted).reshape(len(outputs), -1).mean(dim=1)  # (K * B, ...) -> (K,)
        if self._smoothing is None:
            return first
        last: Tensor = self._last(rows, wanted).reshape(len(outputs), -1).mean(dim=1)
        smoothing = self._smoothing.to(first)
        return first * (1 - smoothing) + last * smoothing


def row_losses(losses: Sequence[nn.Module]) -> RowLosses | None:
    """Return the losses by row; None if they weight classes or have no `reduction` to leave out."""
    first = losses[0]
    if getattr(first, "reduction", None) != "mean":
        return None
    if getattr(first, "weight", None) is not None or getattr(first, "class_weights", None) is not None:
        return None
    return RowLosses(losses)


def _by_row(loss: nn.Module, smoothing: float | None) -> nn.Module:
    found = _smoothed(loss, smoothing)
    setattr(found, "reduction", "none")  # noqa: B010 - a module's attribute, whose type is not declared
    return found


def _smoothed(loss: nn.Module, smoothing: float | None) -> nn.Module:
    """A copy of a loss with another label smoothing; None keeps its own."""
    found = copy.copy(loss)
    if smoothing is not None and hasattr(found, "label_smoothing"):
        setattr(found, "label_smoothing", smoothing)  # noqa: B010 - as above
    return found


def _smoothing_of(losses: Sequence[nn.Module]) -> Tensor | None:
    """The label smoothing of each model, (K,); None if all have the same."""
    found = [float(getattr(loss, "label_smoothing", 0.0)) for loss in losses]
    return None if len(set(found)) == 1 else torch.tensor(found)


class _DenseLoss:
    """Of dense layers."""

    def __init__(self, layers: DenseLayers, rows: RowLosses) -> None:
        self._layers, self._rows = layers, rows

    def __call__(self, parameters: Parameters, batch: Batch, *, shared: bool) -> Tensor:
        prefixed = {name.removeprefix("model."): stacked for name, stacked in parameters.items()}
        return self._rows(self._layers(prefixed, batch.inputs, shared=shared), batch.targets)


class _Dropout(nn.Module):
    """Dropout whose probability is a buffer, so that it may differ between the models of a pack."""

    p: Tensor

    def __init__(self, replaced: nn.Dropout) -> None:
        super().__init__()
        self.training = replaced.training
        self.register_buffer("p", torch.tensor(replaced.p), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Zero each number with probability p and scale the others by 1 / (1 - p)."""
        if not self.training:
            return inputs
        return inputs * ((torch.rand_like(inputs) >= self.p) / (1 - self.p))


class _TrainingLoss(nn.Module):
    """A task's training loss as a module, whose parameters `functional_call` replaces."""

    def __init__(self, task: SupervisedTask) -> None:
        super().__init__()
        self.task = task

    def forward(self, batch: Batch) -> Tensor:
        loss: Tensor = self.task.training_loss(batch)
        return loss


class _MappedLoss:
    """Of any model that `vmap` can map; its buffers are those of the first task."""

    def __init__(self, tasks: Sequence[SupervisedTask]) -> None:
        losses = [task.loss for task in tasks]
        self._smoothing = _smoothing_of(losses)
        base = copy.deepcopy(tasks[0])
        self._chances = _replace_dropout(base, tasks)
        wanted = [None] if self._smoothing is None else [0.0, 1.0]
        self._modules = [
            _TrainingLoss(SupervisedTask(base.model, _smoothed(base.loss, each), base.spec)) for each in wanted
        ]

    def __call__(self, parameters: Parameters, batch: Batch, *, shared: bool) -> Tensor:
        stacked = {f"task.{name}": each for name, each in parameters.items()}
        chances = {f"task.{name}": each.to(batch.targets.device) for name, each in self._chances.items()}
        place = None if shared else 0
        places = Batch(*(None if each is None else place for each in batch))  # type: ignore[arg-type]

        def loss(module: nn.Module) -> Tensor:
            def of_one(own: Parameters, batch: Batch) -> Tensor:
                found: Tensor = functional_call(module, dict(own), (batch,))
                return found

            found: Tensor = vmap(of_one, in_dims=(0, places), randomness="different")({**stacked, **chances}, batch)
            return found

        first = loss(self._modules[0])
        if self._smoothing is None:
            return first
        smoothing = self._smoothing.to(first)
        return first * (1 - smoothing) + loss(self._modules[1]) * smoothing


def _replace_dropout(base: nn.Module, tasks: Sequence[nn.Module]) -> dict[str, Tensor]:
    """Replace the dropout layers of `base` whose probability differs; return the probabilities by buffer, (K,)."""
    chances = {}
    others = [dict(task.named_modules()) for task in tasks]
    for name, module in list(base.named_modules()):
        if type(module) is nn.Dropout:
            found = [float(each[name].p) for each in others]
            if len(set(found)) > 1:
                parent, _, last = name.rpartition(".")
                setattr(base.get_submodule(parent), last, _Dropout(module))
                chances[f"{name}.p"] = torch.tensor(found)
    return chances
