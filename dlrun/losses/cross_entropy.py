"""Cross entropy over several classes, from logits."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from dlrun.class_weights import class_weight_values
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.fields import Fraction

Loss = nn.Module


def cross_entropy(
    spec: DataSpec, *, label_smoothing: Fraction, class_weights: Literal["none", "balanced"] | list[float]
) -> Loss:
    """Mean of -log softmax(logits)[target]: (B, K) logits and (B,) classes -> scalar."""
    if spec.goal != "multiclass":
        what = (
            "two classes, which take loss=binary_cross_entropy"
            if spec.goal == "binary"
            else "numbers to predict; use loss=mse, mae or huber"
        )
        raise ConfigError(Problem("loss=cross_entropy", f"This dataset has {what}. loss=auto chooses by itself."))
    weights = class_weight_values(spec, class_weights)
    return nn.CrossEntropyLoss(
        weight=None if weights is None else torch.tensor(weights), label_smoothing=label_smoothing
    )
