"""Adam with Nesterov momentum."""

from __future__ import annotations

import torch

from dlrun.configuration.schema.fields import Fraction, LearningRate, NonNegative, Positive
from dlrun.optim.param_groups import Parameters


def nadam(
    parameters: Parameters,
    *,
    lr: LearningRate,
    beta1: Fraction,
    beta2: Fraction,
    eps: Positive,
    weight_decay: NonNegative,
) -> torch.optim.Optimizer:
    """Dozat 2016."""
    return torch.optim.NAdam(parameters, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)
