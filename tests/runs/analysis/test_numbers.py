"""Residuals and largest errors of numbers."""

from __future__ import annotations

import pytest
import torch

from dlrun.data.spec import DataSpec
from dlrun.runs.analysis import numbers as module
from dlrun.runs.analysis.numbers import NumberObserver


def test_numbers_in_the_targets_unit_and_the_largest_errors_first() -> None:
    spec = DataSpec("dense", (1,), "regression", 1, target_mean=10.0, target_std=2.0)
    observer = NumberObserver(spec, names=["price"], num_rows=3, most=2)
    observer.add(0, torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [1.0]]), None)
    observer.add(2, torch.tensor([[3.0]]), torch.tensor([[1.0]]), torch.ones(1))
    (report,) = observer.reports()
    assert report.truth.tolist() == [[11], [12], [12]]
    assert report.predicted.tolist() == [[10], [12], [16]]
    assert (report.num_rows, report.is_forecast) == (3, False)
    found = [(each.row, each.truth, each.predicted, each.note) for each in observer.mistakes()]
    assert found == [(2, "12", "16", "off by 4"), (0, "11", "10", "off by -1")]


def test_a_column_of_numbers_has_as_many_decimals() -> None:
    spec = DataSpec("dense", (1,), "regression", 1)
    observer = NumberObserver(spec, names=["stars"], num_rows=2, most=2)
    observer.add(0, torch.tensor([[3.0], [3.25]]), torch.tensor([[0.5], [5.0]]), None)
    found = [(each.truth, each.predicted, each.note) for each in observer.mistakes()]
    assert found == [("0.5000", "3.0000", "off by 2.5000"), ("5.0000", "3.2500", "off by -1.7500")]


def test_several_numbers_are_named() -> None:
    spec = DataSpec("dense", (1,), "regression", 2)
    observer = NumberObserver(spec, names=["x", "y"], num_rows=1, most=1)
    observer.add(0, torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0, 4.0]]), None)
    assert [report.name for report in observer.reports()] == ["x", "y"]
    (mistake,) = observer.mistakes()
    assert (mistake.truth, mistake.predicted) == ("x 2, y 4", "x 1, y 2")
    assert mistake.note == "off by 1.5000 standard deviations on average"


def test_a_forecast_has_steps_ahead_for_each_target() -> None:
    spec = DataSpec("sequence", (4, 2), "regression", 4, continues=(0, 1))
    observer = NumberObserver(spec, names=["t", "w"], num_rows=1, most=1)
    observer.add(0, torch.tensor([[1.0, 10.0, 2.0, 20.0]]), torch.tensor([[1.0, 10.0, 3.0, 20.0]]), None)
    t, w = observer.reports()
    assert t.truth.tolist() == [[1, 3]]
    assert w.truth.tolist() == [[10, 20]]
    (mistake,) = observer.mistakes()
    assert [(window.name, window.truth, window.predicted) for window in mistake.windows] == [
        ("t", [1, 3], [1, 2]),
        ("w", [10, 20], [10, 20]),
    ]
    assert mistake.truth == ""


def test_of_very_many_numbers_some_rows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_NUMBERS", 2)
    observer = NumberObserver(DataSpec("dense", (1,), "regression", 1), names=["y"], num_rows=4, most=0)
    observer.add(0, torch.arange(4.0).unsqueeze(1), torch.zeros(4, 1), None)
    (report,) = observer.reports()
    assert report.predicted.tolist() == [[0], [2]]
    assert (report.num_rows, observer.mistakes()) == (4, [])
