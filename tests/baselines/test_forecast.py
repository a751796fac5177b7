"""dlrun.baselines.forecast: the last value, and the season of a made sine."""

from __future__ import annotations

import math

import pytest
import torch

from dlrun.baselines.forecast import LastValue, last_value
from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.source import Source
from dlrun.data.spec import Batch, DataSpec
from dlrun.data.tables.series import Series
from dlrun.data.tables.windows import windows
from tests.baselines.rows import nothing


def forecasts(values: torch.Tensor, targets: torch.Tensor, *, window: int, horizon: int) -> DataBundle:
    """Return windows of a series, (R, F) and (R, K), the last quarter of it as the test split."""
    cut = len(values) * 3 // 4
    parts = [Series(values[rows], targets[rows], "") for rows in (slice(0, cut), slice(cut, None))]
    train, test = (windows(part, window=window, horizon=horizon, step=1) for part in parts)
    source = Source("sequence", "regression", train, test=test)
    return prepare("made", source, DatasetSettings(val_fraction=0.0, standardise_target=True))


def test_a_sine_of_twelve_steps_is_forecast_by_the_value_twelve_steps_before() -> None:
    time = torch.arange(400, dtype=torch.float64)
    values = torch.stack([100 + 10 * torch.sin(time * 2 * math.pi / 12), time], dim=1)
    data = forecasts(values, values[:, :1], window=30, horizon=15)  # further ahead than a season
    found = last_value(data.spec, data.train, [0], seed=0, check=nothing)
    assert (found.name, found.kind) == ("value 12 steps before", "trivial")
    metrics = found.metrics(data.split("test"), check=nothing)
    assert metrics["rmse"] < 1e-4
    assert metrics["r2"] == pytest.approx(1.0)


def test_a_season_longer_than_the_window_is_not_tried() -> None:
    values = 10 * torch.sin(torch.arange(400, dtype=torch.float64) * 2 * math.pi / 52).unsqueeze(1)
    narrow = forecasts(values, values, window=51, horizon=1)
    assert last_value(narrow.spec, narrow.train, [0], seed=0, check=nothing).name == "last value"
    wide = forecasts(values, values, window=52, horizon=1)
    assert last_value(wide.spec, wide.train, [0], seed=0, check=nothing).name == "value 52 steps before"


def test_a_straight_line_is_forecast_by_its_last_value() -> None:
    values = torch.arange(200, dtype=torch.float64).unsqueeze(1)
    data = forecasts(values, values, window=24, horizon=2)
    found = last_value(data.spec, data.train, [0], seed=0, check=nothing)
    assert found.name == "last value"
    assert found.metrics(data.split("test"), check=nothing)["mae"] == pytest.approx(1.5, rel=1e-4)  # 1 and 2 behind


def test_each_number_continues_its_own_column_in_the_order_of_the_steps() -> None:
    inputs = torch.tensor([[[1.0, 10.0, 100.0], [2.0, 20.0, 200.0], [3.0, 30.0, 300.0]]])  # (1, T, F)
    spec = DataSpec("sequence", (3, 3), "regression", 6)
    batch = Batch(inputs, torch.zeros(1, 6))
    assert LastValue(spec, [2, 0], season=1).outputs(batch).tolist() == [[300, 3, 300, 3, 300, 3]]
    assert LastValue(spec, [2, 0], season=2).outputs(batch).tolist() == [[200, 2, 300, 3, 200, 2]]
