"""One linear layer: linear, logistic or softmax regression, by the data's goal."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.configuration.schema.fields import Init
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.options.models._layers import flat_inputs, initialise, num_logits


def linear(spec: DataSpec, *, init: Init) -> nn.Module:
    """Linear, logistic or softmax regression on flattened rows, (B, ...) -> (B, K).

    Raises ConfigError when the rows are tokens or differ in length.
    """
    need_rows_of_one_size(spec, "linear")
    if spec.categories:
        first, width = flat_inputs(spec)
        return initialise(nn.Sequential(first, nn.Linear(width, num_logits(spec.goal, spec.num_outputs))), init)
    return initialise(_FlatLinear(spec.num_features, num_logits(spec.goal, spec.num_outputs)), init)


class _FlatLinear(nn.Linear):
    """A linear layer that flattens first; its state is `weight` and `bias`."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, ...) -> (B, K)."""
        return F.linear(inputs.flatten(1), self.weight, self.bias)  # (B, ...) -> (B, F) -> (B, K)


def need_rows_of_one_size(spec: DataSpec, name: str) -> None:
    """Raise ConfigError when rows cannot be flattened into as many numbers each."""
    if spec.kind == "tokens":
        raise ConfigError(
            Problem(
                f"model={name}",
                f"This model needs rows of numbers, and this dataset has {spec.describe()}, whose tokens are names "
                "and not amounts. Use model=rnn.",
            )
        )
    if spec.has_lengths:
        raise ConfigError(
            Problem(
                f"model={name}",
                f"This model needs rows of one length, and this dataset has {spec.describe()} that differ in length. "
                "Use model=rnn.",
            )
        )
