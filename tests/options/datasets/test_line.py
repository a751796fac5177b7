"""`dataset=line`, with values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from dlrun.options.datasets.line import line


def test_points_are_on_the_line() -> None:
    source = line(rows=4, slope=2.0, intercept=1.0, noise=0.0, noise_seed=0)
    assert (source.kind, source.goal) == ("dense", "regression")
    assert source.train.inputs.tolist() == [[0.0], [1.0], [2.0], [3.0]]
    assert source.train.targets.tolist() == [[1.0], [3.0], [5.0], [7.0]]
    assert source.train.inputs.dtype == source.train.targets.dtype == torch.float32


def test_slope_and_intercept_may_be_negative() -> None:
    source = line(rows=3, slope=-0.5, intercept=-2.0, noise=0.0, noise_seed=0)
    assert source.train.targets.tolist() == [[-2.0], [-2.5], [-3.0]]


def test_noise_has_the_requested_deviation_and_does_not_change_x() -> None:
    source = line(rows=10_000, slope=0.0, intercept=5.0, noise=0.5, noise_seed=1)
    assert source.train.inputs[:3].tolist() == [[0.0], [1.0], [2.0]]
    assert float(source.train.targets.mean()) == pytest.approx(5.0, abs=0.02)  # four standard errors
    assert float(source.train.targets.std()) == pytest.approx(0.5, abs=0.015)


def test_noise_depends_on_its_seed_alone() -> None:
    def noise(seed: int) -> torch.Tensor:
        return line(rows=8, slope=0.0, intercept=0.0, noise=1.0, noise_seed=seed).train.targets

    torch.manual_seed(1)
    first = noise(3)
    torch.manual_seed(2)
    assert torch.equal(first, noise(3))
    assert not torch.equal(first, noise(4))
