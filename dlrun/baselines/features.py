"""Rows as the features of a linear model: flattened, category codes one-hot, texts as bags of words, small images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.data.spec import Block, DataSpec

_MOST_WORDS = 2000  # of a text's vocabulary; ids are in the order of frequency
_SIDE = 8  # pixels of an image


class Features:
    """Turns inputs of a batch into features, (B, ...) -> (B, width) float64.

    Code 0 of a category ("not in training") has no feature of its own. A text of a table is the TF-IDF of its most
    frequent words, an image its pixels, averaged to 8x8. Numbers that the dataset did not standardise
    (dataset.standardise=false) are standardised by the rows that `fit` is given.
    """

    def __init__(self, spec: DataSpec) -> None:
        self._sizes = spec.categories
        self._blocks = spec.blocks
        self._num_plain = spec.num_plain if spec.blocks else spec.num_features
        self._num_numbers = self._num_plain - len(spec.categories)
        self._standardise = spec.scaling is None
        self._shift = self._factor = torch.zeros(())
        self._rarity: dict[str, Tensor] = {}  # inverse document frequency of each word, by block
        self.width = self._num_numbers + sum(size - 1 for size in spec.categories) + sum(map(_width, spec.blocks))

    def fit(self, inputs: Tensor) -> Tensor:
        """Learn means and deviations from the inputs of training rows; return their features."""
        for block in self._blocks:
            if block.vocabulary_size is not None:
                counts = _counts(block, inputs.flatten(1)[:, block.start : block.start + block.width].double())
                self._rarity[block.name] = torch.log((1 + len(counts)) / (1 + (counts > 0).sum(dim=0))) + 1
        rows = self.encoded(inputs.double())
        if self._standardise:
            numbers = rows[:, : self._num_numbers]
            deviation = numbers.std(dim=0, correction=0)
            self._shift = numbers.mean(dim=0)
            self._factor = torch.where(deviation > 0, deviation, torch.ones_like(deviation)).reciprocal()
        return self._scaled(rows)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the features of a batch's inputs."""
        return self._scaled(self.encoded(inputs.double()))

    def for_encoded(self, weights: Tensor, intercept: Tensor) -> tuple[Tensor, Tensor]:
        """Return a linear model of the features, (P, K) and (K,), as one of rows that are `encoded` alone."""
        if not self._standardise:
            return weights, intercept
        weights = weights.clone()
        weights[: self._num_numbers] *= self._factor.unsqueeze(1)
        return weights, intercept - self._shift @ weights[: self._num_numbers]

    def encoded(self, inputs: Tensor) -> Tensor:
        """Return rows flat, with codes one-hot and numbers as they are, (B, ...) -> (B, width), in their own type."""
        rows = inputs.flatten(1)  # (B, ...) -> (B, F)
        if not self._sizes and not self._blocks:
            return rows
        codes = rows[:, self._num_numbers : self._num_plain].long()
        one_hot = [F.one_hot(codes[:, i], size)[:, 1:].to(rows.dtype) for i, size in enumerate(self._sizes)]
        blocks = [self._block(block, rows[:, block.start : block.start + block.width]) for block in self._blocks]
        return torch.cat([rows[:, : self._num_numbers], *one_hot, *blocks], dim=1)  # (B, F) -> (B, width)

    def _block(self, block: Block, values: Tensor) -> Tensor:
        """Token ids or pixels as features, (B, block.width) -> (B, width), float64."""
        if block.vocabulary_size is not None:
            return F.normalize(_counts(block, values) * self._rarity[block.name])
        _, height, width = block.shape
        pixels = values.reshape(-1, *block.shape)  # (B, C * H * W) -> (B, C, H, W)
        return F.adaptive_avg_pool2d(pixels, (min(height, _SIDE), min(width, _SIDE))).flatten(1)  # -> (B, C * 8 * 8)

    def _scaled(self, rows: Tensor) -> Tensor:
        if not self._standardise:
            return rows
        numbers = (rows[:, : self._num_numbers] - self._shift) * self._factor
        return torch.cat([numbers, rows[:, self._num_numbers :]], dim=1)


def _width(block: Block) -> int:
    """How many features a text or an image becomes."""
    if block.vocabulary_size is not None:
        return min(block.vocabulary_size - 1, _MOST_WORDS)
    channels, height, width = block.shape
    return channels * min(height, _SIDE) * min(width, _SIDE)


def _counts(block: Block, ids: Tensor) -> Tensor:
    """How often each word is there, (B, T) -> (B, width), without padding and the rarest words."""
    known = torch.where(ids <= _width(block), ids, 0).long()
    counts = ids.new_zeros(len(ids), _width(block) + 1)
    return counts.scatter_add_(1, known, torch.ones_like(ids))[:, 1:]
