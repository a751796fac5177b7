"""Parameter groups for optimizers."""

from __future__ import annotations

from typing import Any

from torch import nn

Parameters = list[dict[str, Any]]
"""The parameter groups of an optimizer: `params` and, where it differs, `weight_decay`."""


def matrices_and_others(module: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return a module's trainable parameters as (weight matrices and kernels, biases and normalisation)."""
    matrices = [parameter for parameter in module.parameters() if parameter.requires_grad and parameter.ndim > 1]
    others = [parameter for parameter in module.parameters() if parameter.requires_grad and parameter.ndim <= 1]
    return matrices, others
