"""A multilayer perceptron: dense hidden layers over flattened rows."""

from __future__ import annotations

from torch import nn

from dlrun.configuration.schema.fields import Activation, Fraction, Init, Norm, Width
from dlrun.data.spec import DataSpec
from dlrun.options.models._layers import dense_layers, flat_inputs, initialise
from dlrun.options.models.linear import check_fixed_size
from dlrun.tasks.goals import num_logits


def mlp(
    spec: DataSpec, *, hidden: list[Width], activation: Activation, norm: Norm, dropout: Fraction, init: Init
) -> nn.Module:
    """Multilayer perceptron on flattened rows, (B, ...) -> (B, K); without hidden layers it is model=linear.

    Raises ConfigError if the rows are tokens or differ in length.
    """
    check_fixed_size(spec, "mlp")
    first, width = flat_inputs(spec)
    layers, last = dense_layers(width, hidden, activation_name=activation, norm=norm, dropout=dropout)
    output = nn.Linear(last, num_logits(spec))
    return initialise(nn.Sequential(first, *layers, output), init)  # (B, ...) -> (B, F) -> (B, K)
