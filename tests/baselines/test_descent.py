"""dlrun.baselines.descent: the minimum has no gradient, sparse rows give what dense ones do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.baselines.descent import Dense, LinearLoss, Sparse, fit_linear
from tests.baselines.rows import nothing

DRAW = torch.Generator().manual_seed(0)
ROWS = torch.randn(60, 4, generator=DRAW, dtype=torch.float64)
NOISE = torch.randn(60, generator=DRAW, dtype=torch.float64)
TWO = (ROWS[:, 0] + NOISE > 0).long()
THREE = torch.randint(0, 3, (60,), generator=DRAW)
NUMBERS = torch.stack([ROWS[:, 1] + NOISE, NOISE], dim=1)

SUMS: dict[LinearLoss, Callable[[Tensor], Tensor]] = {
    "logistic": lambda scores: F.binary_cross_entropy_with_logits(scores[:, 0], TWO.double(), reduction="sum"),
    "softmax": lambda scores: F.cross_entropy(scores, THREE, reduction="sum"),
    "squared": lambda scores: (scores - NUMBERS).square().sum() / 2,
}
TARGETS: dict[LinearLoss, Tensor] = {"logistic": TWO, "softmax": THREE, "squared": NUMBERS}


@pytest.mark.parametrize("loss", ["logistic", "softmax", "squared"])
def test_the_gradient_of_the_penalised_sum_is_zero(loss: LinearLoss) -> None:
    weights, bias = fit_linear(Dense(ROWS), TARGETS[loss], loss=loss, strength=2.0, check=nothing)
    weights.requires_grad_()
    bias.requires_grad_()
    (SUMS[loss](ROWS @ weights + bias) + weights.square().sum()).backward()
    assert weights.grad is not None
    assert bias.grad is not None
    assert weights.grad.abs().max() < 60 * 2e-5
    assert bias.grad.abs().max() < 60 * 2e-5


def test_sparse_rows_give_what_dense_ones_do() -> None:
    rows = torch.where(ROWS > 0.5, ROWS, 0.0)
    rows[3] = 0  # a row, and below a column, without entries
    rows[:, 2] = 0
    where = rows.nonzero()
    sparse = Sparse(where[:, 0], where[:, 1], rows[rows != 0], size=(60, 4))
    table = torch.randn(4, 2, dtype=torch.float64)
    torch.testing.assert_close(sparse.times(table), rows @ table)
    torch.testing.assert_close(sparse.transposed_times(NUMBERS), rows.T @ NUMBERS)
    ours = fit_linear(sparse, TWO, loss="logistic", strength=1.0, check=nothing)
    theirs = fit_linear(Dense(rows), TWO, loss="logistic", strength=1.0, check=nothing)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_it_can_be_stopped_between_two_steps() -> None:
    calls = []

    def stop_at_third() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_linear(Dense(ROWS), TWO, loss="logistic", strength=1.0, check=stop_at_third)


@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
def test_a_weight_counts_as_that_many_rows(loss: LinearLoss) -> None:
    drawn = torch.Generator().manual_seed(4)
    rows, counts = torch.randn(60, 3, generator=drawn, dtype=torch.float64), torch.arange(60) % 3
    targets = torch.randn(60, 1, generator=drawn, dtype=torch.float64)
    if loss != "squared":
        targets = torch.randint(0, 2 if loss == "logistic" else 3, (60,), generator=drawn)
    each = counts.double() / counts.double().mean()
    repeated = Dense(rows.repeat_interleave(counts, 0)), targets.repeat_interleave(counts, 0)
    strength = 0.5 * len(repeated[1]) / 60
    ours = fit_linear(Dense(rows), targets, loss=loss, strength=0.5, check=lambda: None, row_weights=each)
    theirs = fit_linear(*repeated, loss=loss, strength=strength, check=lambda: None)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)
