"""Scaling of inputs and targets, fitted on the training rows alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dlrun.data.files.status_line import long_work
from dlrun.data.goals import Part
from dlrun.data.loading.reader import Reader, blocks_of
from dlrun.data.source import Source
from dlrun.data.spec import Scaling, TargetScaling


def fit_scaling(
    source: Source, inputs: Tensor | Reader, *, standardise: bool, num_scaled: int | None = None
) -> Scaling | None:
    """Return mean and standard deviation of each channel or feature; None leaves inputs as they are.

    Without `standardise`, bytes are scaled to 0..1. Rows are read in blocks, the same ones in memory and from files, so
    that both give the same bits. num_scaled: only so many leading features of a dense row are scaled; None: all.
    """
    if source.kind == "tokens":
        return None
    features = inputs.shape[1] if source.kind in ("image", "dense") else inputs.shape[-1]
    is_bytes = inputs.dtype == torch.uint8
    if not standardise and not is_bytes:
        return None
    bounds = source.value_range or ((0.0, 255.0) if is_bytes else None)
    low, high = bounds or (math.inf, -math.inf)
    moments = _Counts(features) if is_bytes and source.kind == "image" else _Moments(source.kind)
    with long_work("Measuring", len(inputs), unit="rows") as done:
        for block in blocks_of(inputs) if standardise else ():
            if bounds is None:
                low, high = min(low, float(block.min())), max(high, float(block.max()))
            moments.add(block)
            done(len(block))
    if not standardise:
        return Scaling((low,) * features, ((high - low) or 1.0,) * features, low, high)
    mean, std = moments.mean_and_std()
    if num_scaled is not None:
        rest = features - num_scaled
        mean, std = mean[:num_scaled] + (0.0,) * rest, std[:num_scaled] + (1.0,) * rest
    return Scaling(mean, std, low, high)


def fit_target_scaling(targets: Tensor, parts: Sequence[Part] = ()) -> TargetScaling:
    """Return mean and standard deviation of each of the training targets, (N, K); codes of classes stay as they are."""
    means, deviations = targets.double().mean(dim=0).tolist(), targets.double().std(dim=0, correction=0).tolist()
    deviations = [value or 1.0 for value in deviations]  # a number that never changes becomes 0
    for column, part in enumerate(parts):
        if part.class_names:
            means[column], deviations[column] = 0.0, 1.0
    if len(means) == 1:
        return TargetScaling(means[0], deviations[0])
    return TargetScaling(tuple(means), tuple(deviations))


class _Moments:
    """Mean and sum of squared differences, block by block (Chan, Golub and LeVeque 1979)."""

    def __init__(self, kind: str) -> None:
        self._over = {"image": (0, 2, 3), "sequence": (0, 1)}.get(kind, (0,))
        self._count = 0
        self._mean = self._squares = torch.zeros(())

    def add(self, block: Tensor) -> None:
        values = block.double()
        mean = values.mean(dim=self._over)  # (B, ...) -> (features,)
        count = values.numel() // mean.numel()
        squares = values.var(dim=self._over, correction=0) * count
        if self._count:
            total, apart = self._count + count, mean - self._mean
            mean = self._mean + apart * (count / total)
            squares = self._squares + squares + apart**2 * (self._count * count / total)
        self._count, self._mean, self._squares = self._count + count, mean, squares

    def mean_and_std(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return _as_tuples(self._mean, self._squares / self._count)


class _Counts(_Moments):
    """Exact for images of bytes, from the count of each value."""

    def __init__(self, channels: int) -> None:
        super().__init__("image")
        self._counts = torch.zeros(channels, 256, dtype=torch.int64)

    def add(self, block: Tensor) -> None:
        self._counts += torch.stack(
            [torch.bincount(block[:, c].reshape(-1), minlength=256) for c in range(block.shape[1])]
        )  # (B, C, H, W) -> (C, 256)

    def mean_and_std(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        values = torch.arange(256, dtype=torch.float64)
        share = self._counts.double() / self._counts.sum(dim=1, keepdim=True)  # (C, 256)
        mean = (share * values).sum(dim=1)
        return _as_tuples(mean, (share * (values - mean[:, None]) ** 2).sum(dim=1))


def _as_tuples(mean: Tensor, variance: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    std = variance.sqrt()
    std = torch.where(std > 0, std, torch.ones_like(std))  # a feature that never changes stays 0
    return tuple(mean.tolist()), tuple(std.tolist())
