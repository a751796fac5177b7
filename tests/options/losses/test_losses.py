"""Every loss by hand, and the data each refuses."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.options.losses.auto import auto
from dlrun.options.losses.binary_cross_entropy import binary_cross_entropy
from dlrun.options.losses.cross_entropy import cross_entropy
from dlrun.options.losses.huber import huber
from dlrun.options.losses.mae import mae
from dlrun.options.losses.mse import mse

NUMBERS = DataSpec("dense", (2,), "regression", 1)
TWO = DataSpec("dense", (2,), "binary", 2, class_counts=(3, 1))
THREE = DataSpec("dense", (2,), "multiclass", 3, class_counts=(2, 1, 1))
TOKENS = DataSpec("tokens", (2,), "language", 5, vocabulary_size=5)

PREDICTED, WANTED = torch.tensor([[1.0], [5.0]]), torch.tensor([[2.0], [2.0]])
LOGITS = torch.tensor([[0.0], [math.log(3)]])  # probabilities 1/2 and 3/4
CLASSES = torch.tensor([1, 0])


@pytest.mark.parametrize(
    ("loss", "expected"),
    [(mse(NUMBERS), (1 + 9) / 2), (mae(NUMBERS), (1 + 3) / 2), (huber(NUMBERS, delta=2.0), (0.5 + 2 * (3 - 1)) / 2)],
)
def test_losses_for_numbers(loss: nn.Module, expected: float) -> None:
    assert loss(PREDICTED, WANTED).item() == pytest.approx(expected)


def test_binary_cross_entropy() -> None:
    loss = binary_cross_entropy(TWO, label_smoothing=0.0, class_weights="none")
    assert loss(LOGITS, CLASSES).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_binary_cross_entropy_smoothed() -> None:
    loss = binary_cross_entropy(TWO, label_smoothing=0.2, class_weights="none")
    second = -(0.1 * math.log(3 / 4) + 0.9 * math.log(1 / 4))
    assert loss(LOGITS, CLASSES).item() == pytest.approx((math.log(2) + second) / 2)


@pytest.mark.parametrize(("weights", "zero", "one"), [("balanced", 4 / 6, 2.0), ([1.0, 3.0], 1.0, 3.0)])
def test_binary_cross_entropy_weighted(weights: list[float], zero: float, one: float) -> None:
    loss = binary_cross_entropy(TWO, label_smoothing=0.0, class_weights=weights)
    expected = (one * math.log(2) + zero * math.log(4)) / (one + zero)
    assert loss(LOGITS, CLASSES).item() == pytest.approx(expected)
    assert loss.state_dict() == {}


def test_cross_entropy() -> None:
    logits = torch.tensor([[0.0, 0.0, math.log(2)], [0.0, 0.0, 0.0]])
    targets = torch.tensor([2, 0])
    plain = cross_entropy(THREE, label_smoothing=0.0, class_weights="none")
    assert plain(logits, targets).item() == pytest.approx((math.log(2) + math.log(3)) / 2)
    weighted = cross_entropy(THREE, label_smoothing=0.0, class_weights=[1.0, 1.0, 3.0])
    assert weighted(logits, targets).item() == pytest.approx((3 * math.log(2) + math.log(3)) / 4)
    smoothed = cross_entropy(THREE, label_smoothing=0.3, class_weights="none")
    first = 0.8 * math.log(2) + 0.2 * math.log(4)
    assert smoothed(logits, targets).item() == pytest.approx((first + math.log(3)) / 2)


def test_auto_fits_the_goal() -> None:
    assert auto(NUMBERS)(PREDICTED, WANTED).item() == pytest.approx(5)
    assert auto(TWO)(LOGITS, CLASSES).item() == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert auto(THREE)(torch.zeros(2, 3), CLASSES).item() == pytest.approx(math.log(3))
    smooth = auto(THREE, label_smoothing=0.3)(torch.tensor([[0.0, 9.0, 0.0]]), torch.tensor([1])).item()
    assert smooth == pytest.approx(math.log(2 + math.exp(9)) - 9 * 0.8)
    assert auto(NUMBERS, label_smoothing=0.3)(PREDICTED, WANTED).item() == pytest.approx(5)
    tokens = auto(TOKENS)(torch.zeros(3, 2, 5), torch.zeros(3, 2, dtype=torch.int64))
    assert tokens.item() == pytest.approx(math.log(5))


def _binary(spec: DataSpec) -> nn.Module:
    return binary_cross_entropy(spec, label_smoothing=0.0, class_weights="none")


def _several(spec: DataSpec) -> nn.Module:
    return cross_entropy(spec, label_smoothing=0.0, class_weights="none")


@pytest.mark.parametrize(
    ("build", "spec", "message"),
    [
        (_binary, THREE, r"(?s)loss=binary_cross_entropy.*3 classes; use loss=cross_entropy\."),
        (_binary, NUMBERS, r"(?s)loss=binary_cross_entropy.*numbers to predict; use loss=mse, mae or huber\."),
        (_several, TWO, r"(?s)loss=cross_entropy.*2 classes; use loss=binary_cross_entropy\."),
        (_several, NUMBERS, r"(?s)loss=cross_entropy.*numbers to predict; use loss=mse"),
        (_binary, TOKENS, r"(?s)loss=binary_cross_entropy.*tokens to predict; use loss=cross_entropy\."),
        (mse, TOKENS, r"(?s)loss=mse.*tokens to predict; use loss=cross_entropy\."),
        (mse, THREE, r"(?s)loss=mse.*3 classes; use loss=cross_entropy"),
        (mae, TWO, r"(?s)loss=mae.*2 classes; use loss=binary_cross_entropy"),
        (lambda spec: huber(spec, delta=1.0), THREE, r"(?s)loss=huber.*3 classes; use loss=cross_entropy"),
    ],
)
def test_a_loss_that_does_not_fit_the_data_is_refused(
    build: Callable[[DataSpec], nn.Module], spec: DataSpec, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        build(spec)
