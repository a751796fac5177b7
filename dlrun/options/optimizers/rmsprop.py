"""RMSprop: a learning rate for each weight, from a running mean of its squared gradient."""

from __future__ import annotations

import torch

from dlrun.configuration.schema.fields import Fraction, LearningRate, NonNegative, Positive
from dlrun.optim.param_groups import Parameters


def rmsprop(
    parameters: Parameters,
    *,
    lr: LearningRate,
    alpha: Fraction,
    eps: Positive,
    momentum: Fraction,
    centered: bool,
    weight_decay: NonNegative,
) -> torch.optim.Optimizer:
    """Tieleman and Hinton 2012; `centered` as Graves 2013."""
    return torch.optim.RMSprop(
        parameters, lr=lr, alpha=alpha, eps=eps, momentum=momentum, centered=centered, weight_decay=weight_decay
    )
