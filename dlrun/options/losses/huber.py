"""Huber loss: squared for small errors, absolute for large ones."""

from __future__ import annotations

from torch import nn

from dlrun.configuration.schema.fields import Positive
from dlrun.data.spec import DataSpec
from dlrun.options.losses._fit import check_loss_fits

Loss = nn.Module


def huber(spec: DataSpec, *, delta: Positive) -> Loss:
    """Huber 1964, squared below `delta` and absolute above: (B, K) and (B, K) -> scalar.

    Raises ConfigError if the dataset has no numbers to predict.
    """
    check_loss_fits(spec, "huber")
    return nn.HuberLoss(delta=delta)
