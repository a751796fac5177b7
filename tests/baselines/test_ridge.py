"""dlrun.baselines.ridge: against the normal equations, and the strength against the definition of the criterion."""

from __future__ import annotations

import pytest
import torch

from dlrun.baselines.ridge import STRENGTHS, fit_ridge


def made(rows: int, features: int, outputs: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn(rows, features, generator=draw, dtype=torch.float64) + 3
    weights = torch.randn(features, outputs, generator=draw, dtype=torch.float64)
    noise = torch.randn(rows, outputs, generator=draw, dtype=torch.float64)
    return inputs, inputs @ weights + 4 * noise - 10


@pytest.mark.parametrize(("rows", "features"), [(40, 5), (12, 30), (7, 7)])
def test_weights_are_those_of_the_normal_equations(rows: int, features: int) -> None:
    inputs, targets = made(rows, features)
    found = fit_ridge(inputs, targets)
    centred, wanted = inputs - inputs.mean(dim=0), targets - targets.mean(dim=0)
    penalty = found.strength * torch.eye(features, dtype=torch.float64)
    weights = torch.linalg.solve(centred.T @ centred + penalty, centred.T @ wanted)
    torch.testing.assert_close(found.weights, weights)
    predicted = targets.mean(dim=0) + (inputs - inputs.mean(dim=0)) @ weights
    torch.testing.assert_close(found.predict(inputs), predicted)


@pytest.mark.parametrize(("rows", "features"), [(40, 5), (12, 30)])
def test_each_output_has_the_strength_of_its_smallest_cross_validation(rows: int, features: int) -> None:
    inputs, targets = made(rows, features, outputs=3)
    targets[:, 2] = torch.randn(rows, generator=torch.Generator().manual_seed(1))  # nothing to learn
    found = fit_ridge(inputs, targets)
    centred, wanted = inputs - inputs.mean(dim=0), targets - targets.mean(dim=0)
    for output in range(3):
        scores = {}
        for strength in STRENGTHS:
            penalty = strength * torch.eye(features, dtype=torch.float64)
            hat = centred @ torch.linalg.solve(centred.T @ centred + penalty, centred.T)
            left = wanted[:, output] - hat @ wanted[:, output]
            scores[strength] = (rows * left.square().sum() / (rows - 1 - hat.trace()) ** 2).item()
        assert found.strength[output].item() == min(scores, key=lambda strength: scores[strength])
    assert found.strength[2] > found.strength[0]


def test_equal_columns_and_constant_targets_are_no_problem() -> None:
    inputs, targets = made(20, 3)
    doubled = fit_ridge(torch.cat([inputs, inputs], dim=1), targets)
    torch.testing.assert_close(doubled.weights[:3], doubled.weights[3:])
    constant = fit_ridge(inputs, torch.full((20, 1), 7.0, dtype=torch.float64))
    torch.testing.assert_close(constant.predict(inputs), torch.full((20, 1), 7.0, dtype=torch.float64))
    nothing_varies = fit_ridge(torch.ones(20, 3, dtype=torch.float64), targets)
    torch.testing.assert_close(nothing_varies.predict(inputs[:1]), targets.mean(dim=0, keepdim=True))


def test_weights_of_rows_are_those_of_the_weighted_normal_equations() -> None:
    inputs, targets = made(40, 5)
    each = torch.rand(40, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    each = each / each.mean()
    found = fit_ridge(inputs, targets, each)
    column = each[:, None]
    centred = inputs - (inputs * column).mean(dim=0)
    wanted = targets - (targets * column).mean(dim=0)
    penalty = found.strength * torch.eye(5, dtype=torch.float64)
    weights = torch.linalg.solve(centred.T @ (column * centred) + penalty, centred.T @ (column * wanted))
    torch.testing.assert_close(found.weights, weights)
    equal = fit_ridge(inputs, targets, torch.ones(40, dtype=torch.float64))
    torch.testing.assert_close(equal.weights, fit_ridge(inputs, targets).weights)
