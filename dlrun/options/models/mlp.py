"""A multilayer perceptron: dense hidden layers over flattened rows."""

from __future__ import annotations

from torch import nn

from dlrun.configuration.schema.fields import Activation, Fraction, Init, Norm, Width
from dlrun.data.spec import DataSpec
from dlrun.options.models._layers import dense_layers, flat_inputs, initialise, num_logits
from dlrun.options.models.linear import need_rows_of_one_size


def mlp(
    spec: DataSpec, *, hidden: list[Width], activation: Activation, norm: Norm, dropout: Fraction, init: Init
) -> nn.Module:
    """Multilayer perceptron on flattened rows, (B, ...) -> (B, K); without hidden layers it is model=linear.

    Raises ConfigError when the rows are tokens or differ in length.
    """
    need_rows_of_one_size(spec, "mlp")
    first, width = flat_inputs(spec)
    layers, last = dense_layers(width, hidden, activation_name=activation, norm=norm, dropout=dropout)
    output = nn.Linear(last, num_logits(spec.goal, spec.num_outputs))
    return initialise(nn.Sequential(first, *layers, output), init)  # (B, ...) -> (B, F) -> (B, K)
