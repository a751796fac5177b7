"""Weights of rows in a loss: sum(weight x loss) / sum(weight) instead of the mean."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

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


Counts = Callable[[Tensor, Tensor | None], Tensor]
"""`counts(targets, weights)`: how much each row counts in a loss that is a mean over rows, (B,)."""


def counts_of(loss: nn.Module, targets: Tensor) -> Counts | None:
    """Return how much each row counts in the mean that a loss is; None if all count alike, or as their weights say.

    targets: of all training rows.
    A loss defines it as its method `counts(targets, weights)`. torch's cross entropies, which divide by the weights of
    the classes, have it without one. Several processes need it: each has the mean of its own rows.
    """
    own: Counts | None = getattr(loss, "counts", None)
    if own is not None:
        return own
    if not isinstance(loss, nn.CrossEntropyLoss | nn.NLLLoss) or loss.reduction != "mean":
        return None
    weight: Tensor | None = loss.weight
    if weight is None and not (targets == loss.ignore_index).any():
        return None
    return partial(_entropy_counts, weight, loss.ignore_index)


def _entropy_counts(weight: Tensor | None, left_out: int, targets: Tensor, weights: Tensor | None) -> Tensor:
    """The weight of each target's class, added over the steps of a row: (B,) or (B, T), (B,) -> (B,)."""
    if targets.is_floating_point():  # probabilities of classes, whose mean is over rows
        found = torch.ones(len(targets), device=targets.device)
    else:
        found = (targets != left_out).float()
        if weight is not None:
            found = found * weight.to(targets.device)[targets.clamp(min=0)]
        found = found.flatten(1).sum(dim=1) if targets.ndim > 1 else found  # (B, T) -> (B,)
    return found if weights is None else found * weights


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
