"""Adagrad: a learning rate for each weight, from the sum of its squared gradients."""

from __future__ import annotations

import torch

from dlrun.configuration.schema.fields import LearningRate, NonNegative, Positive
from dlrun.optim.param_groups import Parameters


def adagrad(
    parameters: Parameters, *, lr: LearningRate, lr_decay: NonNegative, eps: Positive, weight_decay: NonNegative
) -> torch.optim.Optimizer:
    """Duchi, Hazan and Singer 2011."""
    return torch.optim.Adagrad(parameters, lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay)
