"""Stochastic gradient descent, optionally with momentum."""

from __future__ import annotations

import torch

from dlrun.configuration.schema.fields import Fraction, LearningRate, NonNegative
from dlrun.errors import ConfigError, Problem
from dlrun.optim.param_groups import Parameters


def sgd(
    parameters: Parameters, *, lr: LearningRate, momentum: Fraction, nesterov: bool, weight_decay: NonNegative
) -> torch.optim.Optimizer:
    """Momentum as Sutskever et al. 2013.

    Raises ConfigError for Nesterov momentum without momentum.
    """
    if nesterov and not momentum:
        raise ConfigError(
            Problem(
                "optimizer.nesterov=true",
                "Nesterov momentum needs optimizer.momentum above 0.",
                id="contradiction",
                fix="optimizer.momentum=0.9",
            )
        )
    return torch.optim.SGD(
        parameters, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, fused=True
    )
