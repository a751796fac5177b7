"""A straight line, with or without noise: the smallest regression."""

from __future__ import annotations

from typing import Annotated

import torch

from dlrun.configuration.schema.fields import NonNegative, Number, Range, Seed
from dlrun.data.loading.randomness import generator
from dlrun.data.source import Rows, Source


def line(
    *,
    rows: Annotated[int, Range(2, 10_000_000)],
    slope: Number,
    intercept: Number,
    noise: NonNegative,
    noise_seed: Seed,
) -> Source:
    """Points on y = slope * x + intercept at x = 0, 1, ..., rows - 1, (1,), and y to predict.

    rows: number of points, 2 to 10,000,000. noise: standard deviation of the noise added to y, from 0.
    """
    x = torch.arange(rows, dtype=torch.float64).unsqueeze(1)  # (N, 1)
    y = slope * x + intercept
    if noise:
        y = y + noise * torch.randn(rows, 1, dtype=torch.float64, generator=generator(noise_seed, "line noise"))
    return Source("dense", "regression", Rows(x.to(torch.float32), y.to(torch.float32)))
