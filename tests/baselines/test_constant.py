"""dlrun.baselines.constant: the mean and the largest class, with metrics worked out by hand."""

from __future__ import annotations

import pytest
import torch

from dlrun.baselines.constant import largest_class, mean
from tests.baselines.rows import nothing, prepared


@pytest.mark.parametrize("standardise", [False, True])
def test_the_mean_of_the_training_targets_has_the_known_errors(standardise: bool) -> None:
    targets = torch.tensor([10.0, 20.0, 60.0, 30.0, 50.0])  # the mean of the first three is 30
    data = prepared(
        "dense", "regression", torch.zeros(5, 1), targets, test=2, standardise=False, standardise_target=standardise
    )
    baseline = mean(data.spec, data.train)
    assert (baseline.name, baseline.kind) == ("mean", "trivial")
    assert baseline.metrics(data.split("test"), check=nothing) == {
        "rmse": pytest.approx((400 / 2) ** 0.5),
        "mae": pytest.approx(10.0),
        "r2": pytest.approx(1 - 400 / 200),
    }


def test_the_largest_class_has_its_share_as_accuracy() -> None:
    targets = torch.tensor([2, 2, 2, 0, 1, 2, 0, 2, 1])  # the last four are tested; the class 2 has two of them
    data = prepared("dense", "multiclass", torch.randn(9, 2), targets, test=4)
    baseline = largest_class(data.spec, data.train)
    assert (baseline.name, baseline.kind) == ("largest class", "trivial")
    f1 = 2 * 2 / (4 + 2)  # class 2: two of its four predictions are right, and all of its two rows found
    expected = {"accuracy": 0.5, "macro_f1": pytest.approx(f1 / 3)}
    assert baseline.metrics(data.split("test"), check=nothing) == expected


@pytest.mark.parametrize(("targets", "accuracy"), [([1, 1, 0, 1, 0, 1], 2 / 3), ([0, 0, 1, 0, 0, 1], 2 / 3)])
def test_of_two_classes_too_and_its_ranking_is_no_better_than_chance(targets: list[int], accuracy: float) -> None:
    data = prepared("dense", "binary", torch.randn(6, 2), torch.tensor(targets), test=3)
    found = largest_class(data.spec, data.train).metrics(data.split("test"), check=nothing)
    assert found["accuracy"] == pytest.approx(accuracy)
    assert found["auroc"] == 0.5


def test_of_equal_classes_the_first_is_taken() -> None:
    data = prepared("dense", "binary", torch.randn(4, 2), torch.tensor([1, 0, 0, 0]), test=2)
    assert largest_class(data.spec, data.train).metrics(data.split("test"), check=nothing)["accuracy"] == 1.0
