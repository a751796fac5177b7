"""The simple model for ratings: the mean, plus a bias of each user and of each item (Koren, Bell and Volinsky 2009)."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.baselines.baseline import BaselineKind, Check, OutputBaseline, blocks, on_rows, sample
from dlrun.data.loading.randomness import generator
from dlrun.data.loading.split import Split
from dlrun.data.spec import Batch, DataSpec

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Penalties to choose from, in rows: a bias of n rows is shrunk by n / (n + strength)."""

_MOST_ROWS = 1_000_000
_BLOCK_ROWS = 1 << 18
_HELD_OUT = 0.1  # share of the training rows that the penalty is chosen on
_MOST_HELD_OUT = 20_000
_MOST_CHOOSING = 180_000  # rows that each penalty is tried on
_SWEEPS = 50  # over the columns, at most; each fits a column's biases to what the others leave
_CHANGE = 1e-5  # of a bias in a sweep, in deviations of the targets, below which they are found


class Biases(OutputBaseline):
    """The mean plus a bias of each code of each column. level: (K,); biases: by column (codes, K), 0 for code 0."""

    kind: BaselineKind = "simple"

    def __init__(self, spec: DataSpec, name: str, level: Tensor, biases: list[Tensor]) -> None:
        super().__init__(spec, width=max(1, spec.num_features * spec.num_outputs))
        self.name = name
        self.level, self.biases = level, biases

    def outputs(self, batch: Batch) -> Tensor:
        return predicted(batch.inputs.long(), self.level, self.biases)


def predicted(codes: Tensor, level: Tensor, biases: list[Tensor]) -> Tensor:
    """Return level plus biases, (B, columns) codes -> (B, K)."""
    total = level.expand(len(codes), -1)  # (K,) -> (B, K)
    for column, bias in enumerate(biases):
        total = total + bias[codes[:, column]]
    return total


def biases_model(spec: DataSpec, train: Split, *, most_rows: int, seed: int, check: Check) -> Biases:
    """Return the biases of the training rows; the penalty is the best one on a tenth of them."""
    index = sample(len(train), min(most_rows, _MOST_ROWS), seed=seed)
    found = list(blocks(train, _BLOCK_ROWS, index))
    codes = torch.cat([batch.inputs for batch in found]).long()  # (N, columns)
    targets = torch.cat([batch.targets for batch in found]).double()  # (N, K)
    strength = _best_strength(codes, targets, spec.categories, seed=seed, check=check)
    level, biases = fit_biases(codes, targets, spec.categories, strength=strength, check=check)
    return Biases(spec, on_rows("biases", len(index), len(train)), level, biases)


def fit_biases(
    codes: Tensor, targets: Tensor, sizes: tuple[int, ...], *, strength: float, check: Check
) -> tuple[Tensor, list[Tensor]]:
    """Return the mean, (K,), and each column's biases, (codes, K), that minimise squared errors + strength |biases|^2.

    codes: (N, columns) int64; targets: (N, K) float64.
    """
    level = targets.mean(dim=0)
    biases = [torch.zeros(size, targets.shape[1], dtype=torch.float64) for size in sizes]
    weights = [torch.bincount(codes[:, i], minlength=size).unsqueeze(1) + strength for i, size in enumerate(sizes)]
    left = targets - level  # what level and biases do not explain
    close = _CHANGE * float(targets.std(correction=0))
    for _ in range(_SWEEPS):
        change = 0.0
        for column, bias in enumerate(biases):
            check()
            before, chosen = bias.clone(), codes[:, column]
            left += bias[chosen]
            bias.zero_().index_add_(0, chosen, left).div_(weights[column])
            bias[0] = 0.0  # what training rows do not contain
            left -= bias[chosen]
            change = max(change, float((bias - before).abs().max()))
        if change <= close:
            break
    return level, biases


def _best_strength(codes: Tensor, targets: Tensor, sizes: tuple[int, ...], *, seed: int, check: Check) -> float:
    count = min(_MOST_HELD_OUT, round(_HELD_OUT * len(targets)))
    if not count:
        return STRENGTHS[-1]
    order = torch.randperm(len(targets), generator=generator(seed, "baselines held out"))
    held, rest = order[:count], order[count : count + _MOST_CHOOSING]
    errors = []
    for strength in STRENGTHS:
        level, biases = fit_biases(codes[rest], targets[rest], sizes, strength=strength, check=check)
        errors.append((predicted(codes[held], level, biases) - targets[held]).square().sum().item())
    return STRENGTHS[errors.index(min(errors))]
