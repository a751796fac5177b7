"""Adam with weight decay decoupled from the gradient."""

from __future__ import annotations

import torch

from dlrun.configuration.schema.fields import AutoLearningRate, AutoNonNegative, Fraction, Positive
from dlrun.optim.param_groups import Parameters


def adamw(
    parameters: Parameters,
    *,
    lr: AutoLearningRate,
    beta1: Fraction,
    beta2: Fraction,
    eps: Positive,
    weight_decay: AutoNonNegative,
) -> torch.optim.Optimizer:
    """Loshchilov and Hutter 2019."""
    return torch.optim.AdamW(parameters, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, fused=True)
