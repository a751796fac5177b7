"""Cross entropy over several classes, from logits."""

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


def cross_entropy(
    spec: DataSpec, *, label_smoothing: Fraction, class_weights: Literal["none", "balanced"] | list[NonNegative]
) -> Loss:
    """Mean of -log softmax(logits)[target]: (B, K) logits, (B,) classes -> scalar; or (B, T, K) and (B, T) tokens.

    Raises ConfigError if the dataset does not have several classes or tokens, or the weights do not fit them.
    """
    check_loss_fits(spec, "cross_entropy")
    weights = class_weight_values(spec, class_weights)
    return _CrossEntropy(weight=None if weights is None else torch.tensor(weights), label_smoothing=label_smoothing)


class _CrossEntropy(nn.CrossEntropyLoss):
    """Cross entropy that treats the steps of a batch, (B, T, K), as B * T rows."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """(B, K), (B,) or (B, T, K), (B, T) -> scalar."""
        if targets.ndim == 2:
            logits, targets = logits.flatten(0, 1), targets.flatten()  # (B, T, K), (B, T) -> (B * T, K), (B * T,)
        return super().forward(logits, targets)

    def weighted(self, logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """(B, K), (B,), (B,) -> scalar."""
        losses = F.cross_entropy(
            logits, targets, weight=self.weight, label_smoothing=self.label_smoothing, reduction="none"
        )  # (B,), each times the weight of its class
        total = weights if self.weight is None else weights * self.weight[targets]
        return weighted_sum(losses, weights, total)
