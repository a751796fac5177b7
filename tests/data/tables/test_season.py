"""The season is the smallest lag that forecasts well; the window follows from it and from the number of rows."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from dlrun.data.tables.season import choose_window, find_season


def noise(rows: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def waves(rows: int, season: int) -> Tensor:
    return torch.tensor([[math.sin(2 * math.pi * row / season)] for row in range(rows)], dtype=torch.float64)


@pytest.mark.parametrize("season", [4, 7, 12, 24])
@pytest.mark.parametrize("horizon", [1, 4, 30])
def test_a_season_is_found_under_trend_and_noise(season: int, horizon: int) -> None:
    trend = 0.05 * torch.arange(300, dtype=torch.float64).unsqueeze(1)
    pattern = noise(season, seed=1).repeat(300 // season + 1, 1)[:300]
    assert find_season(pattern + trend + 0.2 * noise(300), horizon=horizon) == season


def test_smooth_waves_are_found_at_their_period_not_beside_it() -> None:
    assert find_season(waves(400, 12) + 0.1 * noise(400), horizon=6) == 12
    assert find_season(waves(60, 12) + 0.1 * noise(60), horizon=12) == 12


@pytest.mark.parametrize("rows", [60, 200, 1000])
def test_noise_and_random_walks_hardly_ever_have_a_season(rows: int) -> None:
    found = [find_season(noise(rows, seed), horizon=4) for seed in range(20)]
    assert found.count(1) >= 19
    assert {find_season(noise(rows, seed).cumsum(dim=0), horizon=4) for seed in range(20)} == {1}


def test_columns_count_alike_whatever_their_unit() -> None:
    both = torch.cat([1000 * noise(300), waves(300, 7)], dim=1)
    assert find_season(both, horizon=1) == find_season(both / torch.tensor([1000.0, 1]), horizon=1)


def test_skipped_rows_flat_series_and_short_ones_do_no_harm() -> None:
    values = waves(120, 12) + 0.1 * noise(120)
    values[50] = math.nan
    assert find_season(values, horizon=3) == 12
    assert find_season(torch.ones(50, 1, dtype=torch.float64), horizon=3) == 1
    assert find_season(torch.ones(5, 1, dtype=torch.float64), horizon=1) == 1
    assert find_season(torch.ones(8, 1, dtype=torch.float64), horizon=30) == 1
    assert find_season(torch.ones(0, 1, dtype=torch.float64), horizon=1) == 1


@pytest.mark.parametrize(
    ("num_train", "season", "horizon", "window"),
    [
        (1000, 1, 1, 24),  # the usual one
        (100, 1, 1, 12),  # an eighth of the rows
        (1000, 52, 12, 104),  # two seasons
        (46, 12, 12, 15),  # two seasons, but at most a third of the rows
        (20, 1, 1, 4),
        (20, 1, 16, 2),  # (20 - 16) // 2
        (2, 1, 5, 1),  # which `series_source` then refuses
    ],
)
def test_the_window_by_hand(num_train: int, season: int, horizon: int, window: int) -> None:
    assert choose_window(num_train, season=season, horizon=horizon) == window
