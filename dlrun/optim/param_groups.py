"""Parameter groups for optimizers, and how they are added at no cost."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from dlrun.optim.distributed.shards import Shards

Parameters = list[dict[str, Any]]
"""The parameter groups of an optimizer: `params` and, where it differs, `weight_decay`."""


def trained(module: nn.Module, shards: Shards | None = None) -> list[nn.Parameter]:
    """Return a module's trainable parameters; of a sharded module the parts that this process has."""
    found = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return found if shards is None else [shards.part(parameter) for parameter in found]


def matrices_and_others(
    module: nn.Module, shards: Shards | None = None
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return a module's trainable parameters as (weight matrices and kernels, biases and normalisation)."""
    found = trained(module, shards)
    matrices = [parameter for parameter in found if parameter.ndim > 1]
    others = [parameter for parameter in found if parameter.ndim <= 1]
    return matrices, others


def avoid_loading_the_compiler() -> None:
    """Save 1 s at startup: adding a parameter group imports torch's compiler only to disable it for that function.

    torch's `_disable_dynamo` decorator first looks for the disabled form in the attribute that is set here.
    """
    function = getattr(torch.optim.Optimizer.add_param_group, "__wrapped__", None)
    if function is not None:
        setattr(function, "__dynamo_disable", function)  # a name that Python would mangle in a class
