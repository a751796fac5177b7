"""One linear layer: linear, logistic or softmax regression, depending on the dataset."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.configuration.schema.fields import Init
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.options.models._layers import flat_inputs, initialise
from dlrun.tasks.goals import num_logits


def linear(spec: DataSpec, *, init: Init) -> nn.Module:
    """Linear, logistic or softmax regression on flattened rows, (B, ...) -> (B, K).

    Raises ConfigError if the rows are tokens or differ in length.
    """
    check_fixed_size(spec, "linear")
    if spec.categories or spec.blocks:
        first, width = flat_inputs(spec)
        return nn.Sequential(first, initialise(nn.Linear(width, num_logits(spec)), init))
    return initialise(FlatLinear(spec.num_features, num_logits(spec)), init)


class FlatLinear(nn.Linear):
    """A linear layer that flattens its input; its state is `weight` and `bias`."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, ...) -> (B, K)."""
        return F.linear(inputs.flatten(1), self.weight, self.bias)  # (B, ...) -> (B, F) -> (B, K)


def check_fixed_size(spec: DataSpec, name: str) -> None:
    """Raise ConfigError if rows cannot be flattened to a fixed number of features."""
    if spec.kind == "tokens":
        raise ConfigError(
            Problem(
                f"model={name}",
                f"This model needs rows of numbers, but this dataset has {spec.describe()}, and token ids are names, "
                "not amounts. Use model=rnn.",
                id="model-mismatch",
                fix="model=rnn",
            )
        )
    if spec.has_lengths:
        raise ConfigError(
            Problem(
                f"model={name}",
                f"This model needs rows of one length, but this dataset has {spec.describe()} that differ in length. "
                "Use model=rnn.",
                id="model-mismatch",
                fix="model=rnn",
            )
        )
