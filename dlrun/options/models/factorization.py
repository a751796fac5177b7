"""A recommender: predicts a rating from the product of a user's and an item's vector."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from dlrun.baselines.biases import biases_model
from dlrun.configuration.schema.fields import Fraction, Width
from dlrun.data.loading.split import Split
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.optim.distributed.shards import set_numbers
from dlrun.options.models._layers import dense_layers
from dlrun.tasks.goals import goal_of


def factorization(
    spec: DataSpec,
    *,
    factors: Width,
    variant: Literal["biased", "neural"],
    hidden: list[Width],
    dropout: Fraction,
    biases: Literal["fitted", "random"],
) -> nn.Module:
    """Biased matrix factorisation, or its neural variant, (B, 2) -> (B, 1).

    Sources: Koren, Bell and Volinsky 2009; He et al. 2017 (neural collaborative filtering).
    biased: mean + bias of the user + bias of the item + product of their vectors. neural: a perceptron over both
    vectors, concatenated, replaces the product. Fitted biases are those of the baseline, so that the vectors learn
    what these leave.
    Raises ConfigError if the rows are not pairs of user and item.
    """
    if len(spec.categories) != 2 or spec.shape != (2,) or not goal_of(spec).predicts_numbers:
        what = f"A recommender needs pairs of user and item, but this dataset has {spec.describe()}."
        raise ConfigError(Problem("model=factorization", f"{what} Use dataset=interactions.", id="model-mismatch"))
    kind = _FittedFactorization if biases == "fitted" else _Factorization
    return kind(spec, factors, hidden if variant == "neural" else None, dropout)


class _Factorization(nn.Module):
    def __init__(self, spec: DataSpec, factors: int, hidden: list[int] | None, dropout: float) -> None:
        super().__init__()
        self._spec = spec
        users, items = spec.categories
        self.users, self.items = (nn.Embedding(size, factors, padding_idx=0) for size in (users, items))
        self.user_bias, self.item_bias = (nn.Embedding(size, 1, padding_idx=0) for size in (users, items))
        self.mean = nn.Parameter(torch.zeros(1))
        for table in (self.users, self.items, self.user_bias, self.item_bias):
            nn.init.normal_(table.weight, std=0.05)
            nn.init.zeros_(table.weight.data[0])  # users and items that training rows do not contain get the mean
        self.drop = nn.Dropout(dropout)
        self.perceptron: nn.Module | None = None
        if hidden is not None:
            layers, last = dense_layers(2 * factors, hidden, activation_name="relu", dropout=dropout)
            self.perceptron = nn.Sequential(*layers, nn.Linear(last, 1))

    def forward(self, pairs: Tensor) -> Tensor:
        """(B, 2) codes -> (B, 1)."""
        user, item = pairs.long().unbind(dim=1)
        bias = self.mean + self.user_bias(user) + self.item_bias(item)  # (B, 1)
        user_vector, item_vector = self.drop(self.users(user)), self.drop(self.items(item))  # (B, factors) each
        if self.perceptron is not None:
            interaction: Tensor = self.perceptron(
                torch.cat([user_vector, item_vector], dim=1)
            )  # (B, 2 factors) -> (B, 1)
        else:
            interaction = (user_vector * item_vector).sum(dim=1, keepdim=True)  # (B, factors) -> (B, 1)
        out: Tensor = bias + interaction
        return out


class _FittedFactorization(_Factorization):
    """Begins with biases in closed form."""

    def fit_to(self, train: Split) -> None:
        """Set mean and biases to those of the training rows."""
        found = biases_model(self._spec, train, most_rows=len(train), seed=0, check=lambda: None)
        set_numbers(self.mean, found.level)
        for table, values in zip((self.user_bias, self.item_bias), found.biases, strict=True):
            set_numbers(table.weight, values)
