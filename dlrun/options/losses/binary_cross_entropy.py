"""Cross entropy between two classes, from one logit."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.configuration.schema.fields import Fraction, NonNegative
from dlrun.data.spec import DataSpec
from dlrun.options.losses._class_weights import class_weight_values
from dlrun.options.losses._fit import check_loss_fits
from dlrun.tasks.weighted import weighted_sum

Loss = nn.Module


def binary_cross_entropy(
    spec: DataSpec, *, label_smoothing: Fraction, class_weights: Literal["none", "balanced"] | list[NonNegative]
) -> Loss:
    """Mean of -log sigmoid(±logit): (B, 1) logits and (B,) classes 0 or 1 -> scalar.

    Raises ConfigError if the dataset does not have two classes, or the weights do not fit them.
    """
    check_loss_fits(spec, "binary_cross_entropy")
    return _BinaryCrossEntropy(class_weight_values(spec, class_weights), label_smoothing)


class _BinaryCrossEntropy(nn.Module):
    """As torch's losses, it has a `reduction`: "mean", or "none" for a loss of each row (without class weights)."""

    def __init__(self, class_weights: list[NonNegative] | None, label_smoothing: float) -> None:
        super().__init__()
        self.class_weights: Tensor | None
        self.label_smoothing = label_smoothing
        self.reduction = "mean"
        self.register_buffer(
            "class_weights", None if class_weights is None else torch.tensor(class_weights), persistent=False
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """(B, 1), (B,) -> scalar; or (B,) without a reduction."""
        smoothed = targets.to(logits.dtype) * (1 - self.label_smoothing) + self.label_smoothing / 2
        weights = self.class_weights
        if weights is None:
            return F.binary_cross_entropy_with_logits(logits[:, 0], smoothed, reduction=self.reduction)
        row_weights = weights[targets]
        losses = F.binary_cross_entropy_with_logits(logits[:, 0], smoothed, reduction="none")
        return (losses * row_weights).sum() / row_weights.sum()

    def weighted(self, logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """(B, 1), (B,), (B,) -> scalar."""
        smoothed = targets.to(logits.dtype) * (1 - self.label_smoothing) + self.label_smoothing / 2
        losses = F.binary_cross_entropy_with_logits(logits[:, 0], smoothed, reduction="none")
        by_class = weights if self.class_weights is None else weights * self.class_weights[targets]
        return weighted_sum(losses, by_class, by_class)

    def counts(self, targets: Tensor, weights: Tensor | None) -> Tensor:
        """How much each row counts in the mean, (B,), (B,) -> (B,)."""
        by_class = torch.ones_like(targets, dtype=torch.float32)
        by_class = by_class if self.class_weights is None else self.class_weights[targets]
        return by_class if weights is None else by_class * weights
