"""Groups of parameters, as optimizers take them."""

from __future__ import annotations

from typing import Any

from torch import nn

Parameters = list[dict[str, Any]]
"""What an optimizer is built over: groups with `params` and, where it differs, `weight_decay`."""


def matrices_and_others(module: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The parameters of a module as (weight matrices and kernels, biases and normalisation)."""
    matrices = [parameter for parameter in module.parameters() if parameter.requires_grad and parameter.ndim > 1]
    others = [parameter for parameter in module.parameters() if parameter.requires_grad and parameter.ndim <= 1]
    return matrices, others
