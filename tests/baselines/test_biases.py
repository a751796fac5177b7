"""dlrun.baselines.biases: known biases are found again, and shrunk as the penalty says."""

from __future__ import annotations

import pytest
import torch

from dlrun.baselines.biases import biases_model, fit_biases
from dlrun.data.loading.split import MemorySplit
from dlrun.data.spec import DataSpec
from tests.baselines.rows import nothing


def test_one_column_has_means_shrunk_by_rows_and_penalty() -> None:
    codes = torch.tensor([[1], [1], [2], [2]])
    targets = torch.tensor([[1.0], [3.0], [7.0], [9.0]], dtype=torch.float64)  # mean 5; 2 and 8 of each code
    level, (bias,) = fit_biases(codes, targets, (3,), strength=1.0, check=nothing)
    assert level.tolist() == [5]
    assert bias[:, 0].tolist() == [0, pytest.approx(-3 * 2 / 3), pytest.approx(3 * 2 / 3)]


def test_two_columns_are_the_ridge_of_their_one_hot_codes() -> None:
    draw = torch.Generator().manual_seed(0)
    codes = torch.stack([torch.randint(1, 5, (80,), generator=draw), torch.randint(1, 4, (80,), generator=draw)], dim=1)
    targets = torch.randn(80, 2, generator=draw, dtype=torch.float64) + codes[:, :1]
    level, biases = fit_biases(codes, targets, (5, 4), strength=2.0, check=nothing)
    one_hot = torch.cat([torch.nn.functional.one_hot(codes[:, i], size)[:, 1:] for i, size in enumerate((5, 4))], dim=1)
    rows = one_hot.double()
    expected = torch.linalg.solve(
        rows.T @ rows + 2 * torch.eye(7, dtype=torch.float64), rows.T @ (targets - targets.mean(dim=0))
    )
    torch.testing.assert_close(torch.cat([bias[1:] for bias in biases]), expected, rtol=1e-3, atol=1e-3)
    assert level.tolist() == targets.mean(dim=0).tolist()


def test_ratings_are_predicted_and_strangers_get_the_mean() -> None:
    draw = torch.Generator().manual_seed(0)
    users, items = torch.randn(40, generator=draw), torch.randn(30, generator=draw)
    codes = torch.stack(
        [torch.randint(1, 40, (3000,), generator=draw), torch.randint(1, 30, (3000,), generator=draw)], 1
    )
    ratings = 3 + users[codes[:, 0]] + items[codes[:, 1]] + 0.1 * torch.randn(3000, generator=draw)
    spec = DataSpec("dense", (2,), "regression", 1, categories=(40, 30))
    train, test = (
        MemorySplit(codes[rows].float(), ratings[rows].unsqueeze(1)) for rows in (slice(2500), slice(2500, None))
    )
    found = biases_model(spec, train, most_rows=10**9, seed=0, check=nothing)
    assert (found.name, found.kind) == ("biases", "simple")
    assert found.metrics(test, check=nothing)["r2"] > 0.98
    stranger = MemorySplit(torch.zeros(1, 2), torch.zeros(1, 1)).fetch(slice(None))
    assert found.outputs(stranger).item() == pytest.approx(ratings[:2500].mean().item(), rel=1e-4)


def test_without_anything_to_learn_the_strongest_penalty_is_chosen() -> None:
    draw = torch.Generator().manual_seed(0)
    codes = torch.randint(1, 50, (400, 2), generator=draw)
    split = MemorySplit(codes.float(), torch.randn(400, 1, generator=draw))
    spec = DataSpec("dense", (2,), "regression", 1, categories=(50, 50))
    found = biases_model(spec, split, most_rows=300, seed=0, check=nothing)
    assert found.name == "biases on 300 rows"
    assert found.outputs(split.fetch(slice(None))).std() < 0.5
