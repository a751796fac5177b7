"""Weights of rows in a loss: sum(weight x loss) / sum(weight) instead of the mean."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

WeightedLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""`loss(outputs, targets, weights)`: the weighted mean of a batch, a scalar; weights: (B,) float32."""


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Return sum(weights x losses) / sum(weights), a scalar; 0 if every weight is 0. (B,) or (B, K), (B,)."""
    per_row = losses.flatten(1).mean(dim=1) if losses.ndim > 1 else losses  # (B, K) -> (B,)
    return weighted_sum(per_row, weights, weights)


def weighted_sum(losses: Tensor, weights: Tensor, total: Tensor) -> Tensor:
    """Return sum(weights x losses) / sum(total), a scalar; 0 if all are 0. All (B,)."""
    return (losses * weights).sum() / total.sum().clamp(min=torch.finfo(torch.float32).tiny)


def weighted_loss(loss: nn.Module) -> WeightedLoss | None:
    """Return the weighted form of a loss, or None if it has none.

    A loss defines it as its method `weighted(outputs, targets, weights)`. torch's own losses that are means of a value
    for each row or number have one without it.
    """
    own: WeightedLoss | None = getattr(loss, "weighted", None)
    if own is not None:
        return own
    is_mean = isinstance(loss, nn.modules.loss._Loss) and loss.reduction == "mean"
    if not is_mean or getattr(loss, "weight", None) is not None or isinstance(loss, nn.KLDivLoss | nn.CTCLoss):
        return None
    each = copy.copy(loss)
    vars(each)["reduction"] = "none"
    return lambda outputs, targets, weights: weighted_mean(each(outputs, targets), weights)
