from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness import CPU, train
from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only

ID = "vanishing-gradients"
DEEP = ("dataset=digits", "model=mlp", f"model.hidden={[16] * 20}".replace(" ", ""), "model.activation=sigmoid")


def test_twenty_sigmoid_layers_are_found_and_the_cure_trains(only: Only, check: Examine, tmp_path: Path) -> None:
    found = only(ID, *DEEP)
    assert (found.severity, found.key, found.fix) == ("warning", "model.norm", "model.norm=batch")
    assert "the gradient of model.1.weight (and 14 others) is about" in found.message
    assert not check(*DEEP, "model.norm=batch")
    words = (*DEEP, "trainer.epochs=6", "optimizer.lr=0.01", *CPU)
    assert train(tmp_path / "before", *words)[1]["metrics"]["test/accuracy"] < 0.2
    assert train(tmp_path / "after", *words, "model.norm=batch")[1]["metrics"]["test/accuracy"] > 0.3


@pytest.mark.parametrize("model", ["mlp", "cnn", "rnn"])
def test_weights_of_zeros_have_no_gradient(only: Only, check: Examine, model: str) -> None:
    words = ("dataset=digits", f"model={model}")
    found = only(ID, *words, "model.init=zeros")
    assert (found.key, found.fix) == ("model.init", "model.init=default")
    assert "No gradient reaches model." in found.message
    assert not check(*words, "model.init=default")


@pytest.mark.parametrize(
    "words",
    [
        ("dataset=iris", "model=tabular"),  # its last layers begin at 0, so that others wait for a step
        ("dataset=series", "dataset.path=example:weather.csv", "model=forecast"),
        ("dataset=digits", "model=mlp", "model.activation=sigmoid"),
        ("dataset=digits", "model=linear", "model.init=zeros"),
    ],
)
def test_gradients_that_arrive_are_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert not check(*words)
