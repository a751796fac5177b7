"""Adam: a step size for each weight, from running means of its gradient and squared gradient."""

from __future__ import annotations

import torch

from dlrun.configuration.schema.fields import AutoLearningRate, Fraction, NonNegative, Positive
from dlrun.optim.param_groups import Parameters


def adam(
    parameters: Parameters,
    *,
    lr: AutoLearningRate,
    beta1: Fraction,
    beta2: Fraction,
    eps: Positive,
    weight_decay: NonNegative,
) -> torch.optim.Optimizer:
    """Kingma and Ba 2015; weight decay is added to the gradient (L2)."""
    return torch.optim.Adam(parameters, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, fused=True)
