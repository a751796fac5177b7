"""Mean squared error, for numbers."""

from __future__ import annotations

from torch import nn

from dlrun.data.spec import DataSpec
from dlrun.options.losses._class_weights import need_regression

Loss = nn.Module


def mse(spec: DataSpec) -> Loss:
    """Mean squared error: (B, K) and (B, K) -> scalar."""
    need_regression(spec, "mse")
    return nn.MSELoss()
