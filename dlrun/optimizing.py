"""Building optimizers: which parameters get weight decay, and which group of the task each belongs to."""

from __future__ import annotations

from typing import Any

import torch

from dlrun.config import RunConfig
from dlrun.registry import Catalog
from dlrun.task import Task, matrices_and_others

Parameters = list[dict[str, Any]]
"""What an optimizer is built over: groups with `params` and, where it differs, `weight_decay`."""


def build_optimizers(task: Task, config: RunConfig, catalog: Catalog) -> dict[str, torch.optim.Optimizer]:
    """One optimizer for each group of the task, with the group's own settings over the common ones."""
    if not config.device.compile:
        _leave_compiler_unloaded()
    function = catalog.load("optimizer", config.optimizer.name)
    overrides = task.optimizer_overrides()
    optimizers: dict[str, torch.optim.Optimizer] = {}
    for name, module in task.param_groups().items():
        settings: dict[str, Any] = {**config.optimizer.arguments, **overrides.get(name, {})}
        matrices, others = matrices_and_others(module)
        parameters: Parameters
        if config.optimizing.decay_matrices_only:
            parameters = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
        else:
            parameters = [{"params": [parameter for parameter in module.parameters() if parameter.requires_grad]}]
        optimizers[name] = function([group for group in parameters if group["params"]], **settings)
        for group in optimizers[name].param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers


def _leave_compiler_unloaded() -> None:
    """Spare the start 1 s: adding a group of parameters loads all of torch's compiler, to say it need not compile it.

    torch marks such functions with `_disable_dynamo`, which looks for the compiled form on the function itself first.
    """
    function = getattr(torch.optim.Optimizer.add_param_group, "__wrapped__", None)
    if function is not None:
        setattr(function, "__dynamo_disable", function)  # a name that Python would mangle in a class
