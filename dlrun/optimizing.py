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
