"""Rows as the features of a linear model: flattened, category codes one-hot."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.data.spec import DataSpec


class Features:
    """Turns inputs of a batch into features, (B, ...) -> (B, width) float64.

    Code 0 of a category ("not in training") has no feature of its own. Numbers that the dataset did not standardise
    (dataset.standardise=false) are standardised by the rows that `fit` is given.
    """

    def __init__(self, spec: DataSpec) -> None:
        self._sizes = spec.categories
        self._num_numbers = spec.num_features - len(spec.categories)
        self._standardise = spec.scaling is None
        self._shift = self._factor = torch.zeros(())
        self.width = self._num_numbers + sum(size - 1 for size in spec.categories)

    def fit(self, inputs: Tensor) -> Tensor:
        """Learn means and deviations from the inputs of training rows; return their features."""
        rows = self._encoded(inputs)
        if self._standardise:
            numbers = rows[:, : self._num_numbers]
            deviation = numbers.std(dim=0, correction=0)
            self._shift = numbers.mean(dim=0)
            self._factor = torch.where(deviation > 0, deviation, torch.ones_like(deviation)).reciprocal()
        return self._scaled(rows)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the features of a batch's inputs."""
        return self._scaled(self._encoded(inputs))

    def _encoded(self, inputs: Tensor) -> Tensor:
        rows = inputs.flatten(1).double()  # (B, ...) -> (B, F)
        if not self._sizes:
            return rows
        codes = rows[:, self._num_numbers :].long()
        one_hot = [F.one_hot(codes[:, i], size)[:, 1:].double() for i, size in enumerate(self._sizes)]
        return torch.cat([rows[:, : self._num_numbers], *one_hot], dim=1)  # (B, F) -> (B, width)

    def _scaled(self, rows: Tensor) -> Tensor:
        if not self._standardise:
            return rows
        numbers = (rows[:, : self._num_numbers] - self._shift) * self._factor
        return torch.cat([numbers, rows[:, self._num_numbers :]], dim=1)
