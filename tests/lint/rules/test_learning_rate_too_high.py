from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness import CPU, train
from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only

ID = "learning-rate-too-high"


def test_a_rate_that_throws_the_weights_away_is_found_and_the_cure_trains(
    only: Only, check: Examine, tmp_path: Path
) -> None:
    words = ("dataset=digits", "model=mlp", "model.hidden=[64]", "trainer.epochs=10")
    found = only(ID, *words, "optimizer.lr=10")
    assert (found.severity, found.key) == ("warning", "optimizer.lr")
    assert "times that of constant outputs" in found.message
    assert found.fix is not None
    assert not check(*words, found.fix)
    before = train(tmp_path / "before", *words, "optimizer.lr=10", *CPU)[1]["metrics"]["test/accuracy"]
    after = train(tmp_path / "after", *words, found.fix, *CPU)[1]["metrics"]["test/accuracy"]
    assert before < 0.9 < 0.93 < after


def test_unscaled_inputs_are_the_cure_where_they_are_the_cause(only: Only) -> None:
    found = only(ID, "dataset=wine", "model=mlp", "dataset.standardise=false", "optimizer.lr=0.01")
    assert found.fix == "dataset.standardise=true"


@pytest.mark.parametrize(
    "words",
    [
        ("optimizer=sgd", "optimizer.lr=0.5"),
        ("optimizer=sgd", "optimizer.lr=0.1", "optimizer.momentum=0.9"),
        ("optimizer=adam", "optimizer.lr=0.03"),
        ("optimizer=rmsprop", "optimizer.lr=0.003"),
    ],
)
def test_large_rates_that_train_are_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert not check("dataset=digits", "model=mlp", *words)


def test_tasks_that_are_not_supervised_are_not_judged(check: Examine) -> None:
    assert not check("dataset=digits", "model=gan", "optimizer.lr=1")
