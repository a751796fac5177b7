"""Which layers run while a weight is used: a block of a sharded model must run whenever one of its weights is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dlrun.data.spec import Batch
from dlrun.tasks.copies import copy_of
from dlrun.tasks.draws import own_draws
from dlrun.tasks.task import Task
from dlrun.training.sample_step import ignore_update


def layers_of_weights(task: Task, batch: Batch) -> Mapping[int, frozenset[int]]:
    """Return for each weight that a training step uses, by identity, the modules that run in all of its uses.

    The task and torch's random states stay unchanged.
    """
    weights = {id(parameter): parameter for parameter in task.parameters()}
    copied = copy_of(task, weights)  # of all but the weights, since a step may change buffers
    originals = {id(twin): module for twin, module in zip(copied.modules(), task.modules(), strict=True)}
    uses = _Uses(weights)
    with own_draws(), torch.no_grad(), uses.following(copied), uses:
        copied.train().train_step(batch, ignore_update)
    return {weight: frozenset(id(originals[module]) for module in modules) for weight, modules in uses.running.items()}


class _Uses(TorchFunctionMode):
    """Notes for every function that gets a weight which modules run at that moment."""

    def __init__(self, weights: Mapping[int, Tensor]) -> None:
        super().__init__()
        self._weights = weights
        self._stack: list[int] = []
        self.running: dict[int, frozenset[int]] = {}

    @contextmanager
    def following(self, task: nn.Module) -> Iterator[None]:
        """A context in which it is known which modules of a task run."""

        def begin(module: nn.Module, args: object) -> None:
            self._stack.append(id(module))

        def end(module: nn.Module, args: object, output: object) -> None:
            self._stack.pop()

        with ExitStack() as hooks:
            for module in task.modules():
                hooks.callback(module.register_forward_pre_hook(begin).remove)
                hooks.callback(module.register_forward_hook(end, always_call=True).remove)
            yield

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") == "__get__" and not isinstance(found, Tensor):
            return found  # a shape or a device, which a part knows too
        now = frozenset(self._stack)
        for each in _inside((args, kwargs)):
            if id(each) in self._weights:
                self.running[id(each)] = self.running.get(id(each), now) & now
        return found


def _inside(value: object) -> Iterator[object]:
    """Yield everything in nested lists, tuples and dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _inside(each)
    else:
        yield value
