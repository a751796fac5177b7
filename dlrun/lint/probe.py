"""What a model does on its first batch before it is trained: its loss, its gradients and its silent units."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from dlrun.lint.subject import Subject
from dlrun.lint.trial import chance_loss
from dlrun.tasks.draws import own_draws
from dlrun.tasks.task import SupervisedTask

_PASSES = 3  # a gradient that is 0 may only wait for a last layer that begins at 0
_NUDGE = 1e-3  # by which every weight moves against its gradient between two passes
PROBED = ("dataset", "model", "loss", "device", "trainer.batch_size")
"""The keys that decide what `probe` measures, for `Subject.once`."""

_SILENCEABLE = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardtanh, nn.Threshold)


@dataclass
class Probe:
    """What was measured, with dropout as in training.

    loss, chance: of the first batch, and if every output were 0. has_graph: whether the loss depends on parameters.
    gradients, weights: the root mean square of each parameter's gradient, None if the loss does not depend on it, and
    of the parameter; sizes: how many numbers it has; matrices: those of more than one dimension.
    never: parameters whose gradient was 0 or missing in every pass. silent: the share of a layer's units that are 0
    on the whole batch, with the layer's number of units. strangers: shapes of trained tensors that no optimizer gets.
    """

    loss: float
    chance: float
    has_graph: bool = True
    gradients: Mapping[str, float | None] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    matrices: frozenset[str] = frozenset()
    never: Sequence[str] = ()
    silent: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    strangers: Sequence[tuple[int, ...]] = ()

    @property
    def can_train(self) -> bool:
        """Whether a gradient of the loss reaches any parameter."""
        return self.has_graph and any(size is not None for size in self.gradients.values())

    @property
    def gradient_norm(self) -> float:
        """The norm of the whole gradient, as trainer.clip_norm sees it."""
        return math.sqrt(sum(found**2 * self.sizes[name] for name, found in self.gradients.items() if found))

    @property
    def weight_norm(self) -> float:
        """The norm of all parameters together."""
        return math.sqrt(sum(found**2 * self.sizes[name] for name, found in self.weights.items()))

    @property
    def num_weights(self) -> int:
        """How many numbers all parameters have."""
        return sum(self.sizes.values())


def probe(subject: Subject) -> Probe | None:
    """Return what the model of a supervised run does on its first batch; None for other tasks. Measured once."""
    if subject.supervised is None:
        return None
    return subject.once("probe", PROBED, lambda: _measure(subject))


def _measure(subject: Subject) -> Probe:
    task = subject.fresh_task()
    assert isinstance(task, SupervisedTask)  # noqa: S101 - the caller looked
    task.train()
    known = {id(parameter) for parameter in task.parameters()}
    with own_draws(), torch.enable_grad(), subject.components.device.autocast():
        torch.manual_seed(0)
        silent: dict[str, tuple[float, int]] = {}
        with ExitStack() as hooks:
            for name, module in task.model.named_modules():
                if isinstance(module, _SILENCEABLE):
                    hooks.callback(module.register_forward_hook(_silence_hook(silent, name)).remove)
            loss = _loss(task, subject)
        found = Probe(float(loss.detach()), chance_loss(task, subject.batch), silent=silent)
        found.strangers = [tuple(leaf.shape) for leaf in _leaves(loss) if id(leaf) not in known]
        if not loss.requires_grad:
            found.has_graph = False
            return found
        _add_gradients(found, task, loss, subject)
    return found


def _loss(task: SupervisedTask, subject: Subject) -> Tensor:
    """The loss of the first batch, as a training step computes it."""
    seen: list[Tensor] = []
    task.train_step(subject.batch, lambda group, loss: seen.append(loss))
    return seen[0].float()


def _add_gradients(found: Probe, task: SupervisedTask, loss: Tensor, subject: Subject) -> None:
    named = {name: parameter for name, parameter in task.model.named_parameters() if parameter.requires_grad}
    if not named:
        return
    parameters = list(named.values())
    waiting = set(named)
    for number in range(_PASSES):
        if number:
            loss = _loss(task, subject)
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        sizes = {
            name: None if gradient is None else float(gradient.detach().float().square().mean().sqrt())
            for name, gradient in zip(named, gradients, strict=True)
        }
        if not number:
            found.gradients = sizes
            found.weights = {
                name: float(each.detach().float().square().mean().sqrt()) if each.numel() else 0.0
                for name, each in named.items()
            }
            found.sizes = {name: each.numel() for name, each in named.items()}
            found.matrices = frozenset(name for name, each in named.items() if each.ndim > 1)
        waiting -= {name for name, size in sizes.items() if size}
        if not waiting:
            break
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:
                    parameter.sub_(_NUDGE * gradient.sign())
    found.never = [name for name in named if name in waiting and named[name].numel()]


def _silence_hook(silent: dict[str, tuple[float, int]], name: str) -> Any:
    def hook(module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim > 1:
            units = output.detach().flatten(2).abs().amax(dim=2) if output.ndim > 2 else output.detach().abs()
            highest = units.amax(dim=0)  # (B, U) -> (U,)
            silent[name] = (float((highest == 0).float().mean()), len(highest))

    return hook


def _leaves(loss: Tensor) -> Iterator[Tensor]:
    """The tensors that the graph of a loss ends in: what `backward` would give a gradient to."""
    waiting, seen = [loss.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, Tensor):
            yield leaf
        waiting.extend(parent for parent, _ in node.next_functions)
