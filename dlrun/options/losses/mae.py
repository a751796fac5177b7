"""Mean absolute error, for numbers."""

from __future__ import annotations

from torch import nn

from dlrun.data.spec import DataSpec
from dlrun.options.losses._class_weights import need_regression

Loss = nn.Module


def mae(spec: DataSpec) -> Loss:
    """Mean absolute error: (B, K) and (B, K) -> scalar."""
    need_regression(spec, "mae")
    return nn.L1Loss()
