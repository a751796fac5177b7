"""The errors on held-out windows: sorted, stored, and turned into the half widths of intervals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dlrun.data.loading.split import MemorySplit
from dlrun.data.spec import DataSpec
from dlrun.errors import StorageError
from dlrun.optim.device import Device
from dlrun.runs.forecast_errors import ForecastErrors, measure_errors, read_errors
from dlrun.tasks.task import SupervisedTask


class Zero(nn.Module):
    """Forecasts 0."""

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.zeros(len(inputs), 2)


def measured(count: int) -> ForecastErrors:
    """Errors 1, 2, ... of the first output in the targets' units, and ten times as large ones of the second."""
    spec = DataSpec("sequence", (1, 1), "regression", 2, target_mean=(5.0, 0.0), target_std=(2.0, 20.0))
    order = torch.arange(1, count + 1).roll(3).float()
    targets = torch.stack([order / 2, -order / 2], dim=1)  # scaled, both signs
    splits = [MemorySplit(torch.zeros(len(part), 1, 1), part) for part in targets.split(max(1, count // 2 + 1))]
    return measure_errors(
        SupervisedTask(Zero(), nn.MSELoss(), spec),
        list(splits),
        step=7,
        device=Device(torch.device("cpu"), "fp32", 1),
        batch_size=3,
        before_batch=lambda: None,
    )


def test_errors_are_sorted_and_in_the_units_of_the_targets() -> None:
    found = measured(5)
    assert (found.step, found.windows, found.ranks) == (7, 5, (1, 2, 3, 4, 5))
    assert found.errors.tolist() == [[1, 2, 3, 4, 5], [10, 20, 30, 40, 50]]


@pytest.mark.parametrize(
    ("windows", "level", "rank", "covered"),
    [
        (9, 0.9, 9, 0.9),  # ceil(10 * 0.9)
        (19, 0.9, 18, 0.9),
        (99, 0.5, 50, 0.5),
        (8, 0.9, 8, 8 / 9),  # too few: the largest error
        (1, 0.9, 1, 0.5),
    ],
)
def test_the_half_width_is_the_error_of_the_corrected_rank(
    windows: int, level: float, rank: int, covered: float
) -> None:
    half, share = measured(windows).half_widths(level)
    assert half.tolist() == [rank, 10 * rank]
    assert share == pytest.approx(covered)


def test_many_errors_are_thinned_to_the_safe_side() -> None:
    found = measured(5000)
    assert len(found.ranks) == 1000
    assert found.ranks[-1] == 5000
    half, _ = found.half_widths(0.9)
    assert 4501 <= half[0] <= 4505  # rank ceil(5001 * 0.9) = 4501


def test_they_are_stored_and_read_again(tmp_path: Path) -> None:
    assert read_errors(tmp_path) is None
    found = measured(5)
    (tmp_path / "forecast.json").write_bytes(found.content())
    again = read_errors(tmp_path)
    assert again is not None
    assert (again.step, again.windows, again.ranks) == (7, 5, (1, 2, 3, 4, 5))
    assert torch.equal(again.errors, found.errors)


@pytest.mark.parametrize(
    "change", [{"errors": [[1.0]]}, {"ranks": [1, 2, 3, 4, 6]}, {"step": None}, {"errors": "x"}, None]
)
def test_a_damaged_file_is_reported(change: dict[str, object] | None, tmp_path: Path) -> None:
    values = json.loads(measured(5).content())
    (tmp_path / "forecast.json").write_text("{" if change is None else json.dumps({**values, **change}))
    with pytest.raises(StorageError, match=r"forecast.json: damaged. `dlrun resume .*` writes it again"):
        read_errors(tmp_path)


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    (tmp_path / "forecast.json").mkdir()
    with pytest.raises(StorageError, match=r"forecast.json: cannot be read \(Is a directory\)"):
        read_errors(tmp_path)
