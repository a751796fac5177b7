"""Mean absolute error, for numbers."""

from __future__ import annotations

from torch import nn

from dlrun.data.spec import DataSpec
from dlrun.options.losses._fit import check_loss_fits

Loss = nn.Module


def mae(spec: DataSpec) -> Loss:
    """Mean absolute error: (B, K) and (B, K) -> scalar.

    Raises ConfigError if the dataset has no numbers to predict.
    """
    check_loss_fits(spec, "mae")
    return nn.L1Loss()
