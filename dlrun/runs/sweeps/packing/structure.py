"""Whether models can be trained as one: what they are made of, compared layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dlrun.data.loading.split import MemorySplit
from dlrun.data.spec import Batch
from dlrun.runs.sweeps.packing.eligible import Mode, signature
from dlrun.runs.sweeps.packing.losses import packed_loss
from dlrun.runs.sweeps.packing.rule import no_gain
from dlrun.runs.sweeps.packing.stack import Stack
from dlrun.tasks.draws import own_draws
from dlrun.tasks.task import SupervisedTask
from dlrun.training.build import Components

_OWN: Mapping[type[nn.Module], set[str]] = {nn.Dropout: {"p"}}
"""Attributes that may differ between the models of a pack, by the class of their layer."""

_MOST_APART = 1e-4  # of a loss or a gradient, beside one of 1, between a pack and its models alone


def obstacle(components: Components) -> str | None:
    """Return why a run cannot be packed with any other; None if it can, as far as its parts tell."""
    task, train = components.task, components.data.train
    if type(task) is not SupervisedTask:
        return f"model={components.config.model.name} has losses of its own"
    if not isinstance(train, MemorySplit):
        return "its rows are read while it trains"
    if train.lengths is not None:
        return "its rows differ in length"
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in task.modules()):
        return "batch normalisation keeps statistics of each batch (use model.norm=layer or group)"
    return None


def chosen(components: Sequence[Components], *, mode: Mode) -> tuple[list[int], dict[int, str]]:
    """Return the places of the runs that can be trained with the first one, and why the others cannot, by place.

    If the first one alone tells that none can, the others need not be there.
    """
    first = components[0]
    found = obstacle(first) or (no_gain(first) if mode == "auto" else None)
    if found is not None:
        return [], dict.fromkeys(range(len(components)), found)
    reasons: dict[int, str] = {}
    most = max(1, first.memory.free // max(1, first.memory.needed))
    for place, other in enumerate(components):
        if other.data is not first.data:
            reasons[place] = "its data depends on its seed"
        elif signature(other.config) != signature(first.config):
            reasons[place] = "a setting that is auto came out different"
        elif (why := difference(first.task, other.task)) is not None:
            reasons[place] = why
        elif place - len(reasons) >= most:
            reasons[place] = "the memory holds no more models at once"
    places = [place for place in range(len(components)) if place not in reasons]
    if len(places) > 1:
        tasks = [task for place in places[:2] if isinstance(task := components[place].task, SupervisedTask)]
        rows = min(len(first.data.train), first.config.trainer.batch_size)
        found = trial(tasks, first.data.train.fetch(slice(0, rows)))
        if found is not None:
            return [], dict.fromkeys(range(len(components)), found)
    return places, reasons


def difference(first: nn.Module, other: nn.Module) -> str | None:
    """Return how the structure of two modules differs, apart from what each model of a pack may have; else None."""
    mine, theirs = dict(first.named_modules()), dict(other.named_modules())
    if mine.keys() != theirs.keys():
        return "its model has other layers"
    for name, module in mine.items():
        found = _layer_difference(module, theirs[name])
        if found is not None:
            return f"{name or 'the task'}: {found}"
    return None


def _layer_difference(module: nn.Module, other: nn.Module) -> str | None:
    if type(module) is not type(other):
        return f"{type(module).__name__} here, {type(other).__name__} there"
    for parts in ("_parameters", "_buffers"):
        mine, theirs = getattr(module, parts), getattr(other, parts)
        if {name: _shape(each) for name, each in mine.items()} != {name: _shape(each) for name, each in theirs.items()}:
            return "its tensors have other shapes or types"
    for name, buffer in module._buffers.items():
        if buffer is not None and not torch.equal(buffer, getattr(other, name)):
            return f"its {name} differs"
    free = {"label_smoothing", *_OWN.get(type(module), ())}
    for name, value in vars(module).items():
        if not name.startswith("_") and name not in free and not _equal(value, vars(other).get(name)):
            return f"its {name} differs"
    return None


def _shape(tensor: Tensor | None) -> object:
    return None if tensor is None else (tensor.shape, tensor.stride(), tensor.dtype, tensor.requires_grad)


def _equal(value: Any, other: Any) -> bool:
    """Whether two attributes of a layer are the same; of values that cannot be compared, whether they are of a kind."""
    if isinstance(value, Tensor):
        return isinstance(other, Tensor) and torch.equal(value, other)
    if isinstance(value, int | float | str | bool | tuple | list | dict | None):
        return bool(value == other)
    return type(value) is type(other)


def trial(tasks: Sequence[SupervisedTask], batch: Batch) -> str | None:
    """Compute losses and gradients of a few tasks at once and one by one; return what differs or fails, else None.

    The tasks are in their own tensors afterwards, with the same values; no weight changes.
    """
    modes = [(module, module.training) for task in tasks for module in task.modules()]
    own = {parameter: parameter.data for task in tasks for parameter in task.parameters()}
    for task in tasks:
        _without_dropout(task)
    try:
        with own_draws():
            return _compare(tasks, batch)
    except Exception as error:  # noqa: BLE001 - whatever a model does that cannot be mapped
        return f"torch.func cannot map its model ({_first_line(error)})"
    finally:
        for parameter, data in own.items():
            parameter.data = data
        for module, mode in modes:
            module.training = mode


def _compare(tasks: Sequence[SupervisedTask], batch: Batch) -> str | None:
    alone = []
    for task in tasks:
        loss = task.training_loss(batch)
        trained = [parameter for parameter in task.parameters() if parameter.requires_grad]
        alone.append((loss.detach(), torch.autograd.grad(loss, trained, allow_unused=True)))
    stack = Stack(tasks)
    losses = packed_loss(tasks, has_weights=batch.weights is not None)(stack.parameters, batch, shared=True)
    for (loss, gradients), together, found in zip(alone, losses, stack.gradients(losses), strict=True):
        pairs = [(loss, together.detach()), *zip(gradients, found, strict=True)]
        if not all(_near(mine, theirs) for mine, theirs in pairs):
            return "its loss or gradient is another under torch.func"
    return None


def _near(mine: Tensor | None, theirs: Tensor | None) -> bool:
    if mine is None or theirs is None:
        return (mine is None or not mine.any()) and (theirs is None or not theirs.any())
    return torch.allclose(mine, theirs, rtol=_MOST_APART, atol=_MOST_APART, equal_nan=True)


def _without_dropout(task: nn.Module) -> None:
    """Set dropout layers to evaluation, since their masks differ; everything else trains."""
    task.train()
    for module in task.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:160]
