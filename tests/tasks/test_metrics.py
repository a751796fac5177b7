"""Every metric against scikit-learn, and by hand for few numbers."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn import metrics as oracle
from torch import Tensor

from dlrun.data.spec import TargetScaling
from dlrun.tasks.goals import BinaryGoal, LanguageGoal, MulticlassGoal, RegressionGoal
from dlrun.tasks.metrics import ClassificationMetrics, NextTokenMetrics, RegressionMetrics, area_under_roc

CPU = torch.device("cpu")


def batches(*tensors: Tensor) -> list[tuple[Tensor, ...]]:
    """Split rows into batches, the last of which is smaller."""
    return list(zip(*(tensor.split(64) for tensor in tensors), strict=True))


def test_multiclass_against_the_oracle() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(500, 5), torch.randint(0, 5, (500,))
    logits[torch.arange(500), targets] += 1
    metric = ClassificationMetrics(5, CPU)
    for rows, classes in batches(logits, targets):
        metric.add(rows, classes, torch.nn.functional.cross_entropy(rows, classes))
    result = metric.result()
    predicted = logits.argmax(1)
    assert set(result) == set(MulticlassGoal.metrics)
    assert result["accuracy"] == pytest.approx(oracle.accuracy_score(targets, predicted), abs=1e-12)
    assert result["macro_f1"] == pytest.approx(oracle.f1_score(targets, predicted, average="macro"), abs=1e-12)
    assert result["loss"] == pytest.approx(oracle.log_loss(targets, logits.double().softmax(1)), rel=1e-6)


def test_binary_against_the_oracle() -> None:
    torch.manual_seed(0)
    targets = torch.randint(0, 2, (500,))
    logits = ((torch.randn(500) + targets) * 4).round().unsqueeze(1) / 4  # many equal scores
    metric = ClassificationMetrics(2, CPU)
    for rows, classes in batches(logits, targets):
        metric.add(rows, classes, torch.nn.functional.binary_cross_entropy_with_logits(rows[:, 0], classes.float()))
    result = metric.result()
    predicted = (logits[:, 0] > 0).long()
    assert set(result) == set(BinaryGoal.metrics)
    assert result["accuracy"] == pytest.approx(oracle.accuracy_score(targets, predicted), abs=1e-12)
    assert result["macro_f1"] == pytest.approx(oracle.f1_score(targets, predicted, average="macro"), abs=1e-12)
    assert result["auroc"] == pytest.approx(oracle.roc_auc_score(targets, logits[:, 0]), abs=1e-12)
    assert result["loss"] == pytest.approx(oracle.log_loss(targets, logits[:, 0].double().sigmoid()), rel=1e-6)


@pytest.mark.parametrize("num_outputs", [1, 3])
def test_regression_against_the_oracle(num_outputs: int) -> None:
    torch.manual_seed(0)
    targets = torch.randn(500, num_outputs)
    predicted = targets + torch.randn(500, num_outputs) / 2
    metric = RegressionMetrics(num_outputs, CPU, scaling=TargetScaling(100.0, 10.0))
    for rows, wanted in batches(predicted, targets):
        metric.add(rows, wanted, (rows - wanted).square().mean())
    result = metric.result()
    ours, theirs = targets.double() * 10 + 100, predicted.double() * 10 + 100  # in the target's own units
    assert set(result) == set(RegressionGoal.metrics)
    assert result["rmse"] == pytest.approx(math.sqrt(oracle.mean_squared_error(ours, theirs)), rel=1e-6)
    assert result["mae"] == pytest.approx(oracle.mean_absolute_error(ours, theirs), rel=1e-6)
    assert result["r2"] == pytest.approx(oracle.r2_score(ours, theirs), rel=1e-6)
    assert result["loss"] == pytest.approx((predicted - targets).square().mean().item(), rel=1e-5)


def test_each_output_has_its_own_units() -> None:
    metric = RegressionMetrics(2, CPU, scaling=TargetScaling((5.0, 0.0), (10.0, 1.0)))
    metric.add(torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor(0.5))
    metric.add(torch.tensor([[2.0, 4.0]]), torch.tensor([[2.0, 2.0]]), torch.tensor(2.0))
    result = metric.result()  # errors of 10, 0, 0 and 2
    assert (result["mae"], result["rmse"]) == pytest.approx((3.0, math.sqrt(104 / 4)))


def test_next_tokens_by_hand() -> None:
    metric = NextTokenMetrics(CPU)
    even = torch.zeros(1, 2, 4)
    sure = torch.tensor([[[0.0, 0.0, 100.0, 0.0], [0.0, 0.0, 0.0, 100.0]]])
    metric.add(even, torch.tensor([[0, 1]]), torch.tensor(1.5))
    metric.add(sure, torch.tensor([[2, 3]]), torch.tensor(0.5))
    result = metric.result()  # two guesses among four tokens, two certain ones: the mean entropy is log(4) / 2
    assert set(result) == set(LanguageGoal.metrics)
    assert result == pytest.approx({"loss": 1.0, "perplexity": 2.0, "accuracy": 0.75})


def test_three_rows_by_hand() -> None:
    metric = ClassificationMetrics(3, CPU)
    metric.add(torch.tensor([[2.0, 0, 0], [2, 0, 0]]), torch.tensor([0, 1]), torch.tensor(1.0))
    metric.add(torch.tensor([[0.0, 5, 0]]), torch.tensor([1]), torch.tensor(4.0))
    result = metric.result()  # class 2 is neither a target nor predicted; both others have F1 2/3
    assert result == pytest.approx({"loss": 2.0, "accuracy": 2 / 3, "macro_f1": 2 / 3})


def test_regression_by_hand() -> None:
    metric = RegressionMetrics(1, CPU)
    metric.add(torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [4.0]]), torch.tensor(2.5))
    assert metric.result() == pytest.approx({"loss": 2.5, "rmse": math.sqrt(2.5), "mae": 1.5, "r2": 1 - 5 / 8})


def test_r2_of_a_target_that_never_changes_is_undefined() -> None:
    metric = RegressionMetrics(1, CPU)
    metric.add(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [3.0]]), torch.tensor(1.0))
    assert math.isnan(metric.result()["r2"])


def test_area_under_roc_by_hand() -> None:
    scores, targets = torch.tensor([0.1, 0.5, 0.5, 0.9]), torch.tensor([0, 0, 1, 1])
    assert area_under_roc(scores, targets) == 3.5 / 4  # one of four pairs is a tie
    assert math.isnan(area_under_roc(scores, torch.ones(4, dtype=torch.int64)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_the_weighted_area_is_measured_on_a_gpu_by_deterministic_algorithms_too() -> None:
    scores, targets = torch.tensor([0.1, 0.9, 0.4], device="cuda"), torch.tensor([0, 1, 1], device="cuda")
    weights = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, device="cuda")
    torch.use_deterministic_algorithms(True)
    try:
        assert area_under_roc(scores, targets, weights) == 1.0
    finally:
        torch.use_deterministic_algorithms(False)
