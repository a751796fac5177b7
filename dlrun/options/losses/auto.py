"""The loss that fits the data: cross entropy for classes, squared error for numbers."""

from __future__ import annotations

from torch import nn

from dlrun.data.spec import DataSpec
from dlrun.options.losses.binary_cross_entropy import binary_cross_entropy
from dlrun.options.losses.cross_entropy import cross_entropy
from dlrun.options.losses.mse import mse

Loss = nn.Module


def auto(spec: DataSpec) -> Loss:
    """Read off the goal: regression, two classes, several, or the next token."""
    if spec.goal == "regression":
        return mse(spec)
    if spec.goal == "binary":
        return binary_cross_entropy(spec, label_smoothing=0.0, class_weights="none")
    return cross_entropy(spec, label_smoothing=0.0, class_weights="none")
