"""Confusion, calibration and mistakes of classes."""

from __future__ import annotations

import math

import pytest
import torch

from dlrun.data.spec import DataSpec
from dlrun.runs.analysis import classes as module
from dlrun.runs.analysis.classes import ClassObserver

SPEC = DataSpec("dense", (1,), "multiclass", 3, class_names=("a", "b", "c"))
SHARES = torch.tensor([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.25, 0.25, 0.5]])
TARGETS = torch.tensor([0, 1, 2, 0])


def observed(weights: torch.Tensor | None = None, most: int = 5) -> ClassObserver:
    observer = ClassObserver(SPEC, name="", num_rows=4, most=most)
    for first in (0, 2):
        rows = slice(first, first + 2)
        observer.add(first, SHARES[rows].log(), TARGETS[rows], None if weights is None else weights[rows])
    return observer


def test_confusion_calibration_and_the_worst_first() -> None:
    report = observed().report()
    assert report.confusion.tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 1]]
    assert (report.num_rows, report.num_wrong, report.is_weighted) == (4, 2, False)
    assert report.figures["a"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}
    # 0.7 and 0.6 are in bins of their own, as are 0.8 and 0.5: |1 - 0.7|, |0 - 0.6|, |1 - 0.8|, |0 - 0.5|
    assert report.calibration_error == pytest.approx((0.3 + 0.6 + 0.2 + 0.5) / 4, abs=1e-6)
    assert [(each.row, each.truth, each.predicted) for each in report.mistakes] == [(3, "a", "c"), (1, "b", "a")]
    assert report.mistakes[0].note == "50.0% sure, true class 25.0%"
    assert {each.name: each.auroc for each in report.curves} == {"a": 0.75, "b": 1.0, "c": 1.0}


def test_weights_of_rows() -> None:
    report = observed(torch.tensor([2.0, 0.5, 1.0, 0.5])).report()
    assert report.confusion.tolist() == [[2, 0, 0.5], [0.5, 0, 0], [0, 0, 1]]
    assert report.is_weighted
    assert sum(each.share for each in report.bins) == pytest.approx(1)
    assert report.calibration_error == pytest.approx((2 * 0.3 + 0.5 * 0.6 + 0.2 + 0.5 * 0.5) / 4, abs=1e-6)


def test_no_mistakes_are_kept_if_none_are_wanted() -> None:
    assert observed(most=0).report().mistakes == []


def test_two_classes_from_one_logit() -> None:
    spec = DataSpec("dense", (1,), "binary", 2, class_names=("no", "yes"))
    observer = ClassObserver(spec, name="t", num_rows=2, most=5)
    observer.add(0, torch.tensor([[math.log(3)], [-math.log(3)]]), torch.tensor([1, 1]), None)
    report = observer.report()
    assert report.confusion.tolist() == [[0, 0], [1, 1]]
    assert report.mistakes[0].note == "75.0% sure, true class 25.0%"
    assert report.curves == []  # of a single class
    (only,) = report.bins
    assert (only.confidence, only.accuracy) == (pytest.approx(0.75), 0.5)


def test_of_very_many_scores_some_rows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_SCORES", 6)
    report = observed().report()
    assert (report.num_rows, report.num_scored) == (4, 2)


def test_numbers_have_no_classes() -> None:
    with pytest.raises(TypeError, match="price: a target without classes"):
        ClassObserver(DataSpec("dense", (1,), "regression", 1), name="price", num_rows=1, most=1)
