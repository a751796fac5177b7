from __future__ import annotations

import math
from pathlib import Path

import pytest

from dlrun.errors import DlrunError
from tests.harness import CPU, train
from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only, WritePlugin

ID = "learning-rate-diverges"
TUTORIAL = ("dataset=line", "model=linear", "optimizer=sgd", "optimizer.lr=0.01")


@pytest.mark.parametrize("words", [(), ("optimizer.momentum=0.9",), ("scheduler=cosine",)])
def test_the_tutorials_own_mistake_is_found_in_mini_batches(only: Only, check: Examine, words: tuple[str, ...]) -> None:
    found = only(ID, *TUTORIAL, *words)
    assert (found.severity, found.key, found.fix) == ("error", "optimizer.lr", "dataset.standardise=true")
    assert not check(*TUTORIAL, *words, "dataset.standardise=true")


def test_it_does_diverge_and_the_cure_trains(tmp_path: Path) -> None:
    with pytest.raises(DlrunError) as caught:
        train(tmp_path / "before", *TUTORIAL, *CPU)
    assert caught.value.exit_code == 4
    _, result = train(tmp_path / "after", *TUTORIAL, "dataset.standardise=true", *CPU)
    assert result["metrics"]["test/r2"] > 0.99


def test_the_full_batch_is_refused_by_training_too_with_the_same_id_and_cure(only: Only) -> None:
    found = only(ID, *TUTORIAL, "trainer.batch_size=100")
    assert (found.severity, found.fix) == ("error", "dataset.standardise=true")


def test_where_inputs_are_standardised_the_cure_is_half_the_stable_rate(only: Only, check: Examine) -> None:
    # one standardised input: the Hessian is 2 in both directions, and descent is stable below 2 / 2
    words = ("dataset=line", "dataset.standardise=true", "model=linear", "optimizer=sgd", "trainer.batch_size=100")
    found = only(ID, *words, "optimizer.lr=1.01")
    assert found.fix == "optimizer.lr=0.5"
    assert "above a learning rate of 1." in found.message
    assert not check(*words, "optimizer.lr=0.99")


def test_other_models_are_tried_for_a_few_steps(only: Only, check: Examine) -> None:
    words = ("dataset=digits", "model=mlp", "optimizer=sgd")
    found = only(ID, *words, "optimizer.lr=100")
    assert "no longer a finite number" in found.message
    assert found.fix is not None
    rate = float(found.fix.removeprefix("optimizer.lr="))
    assert 1e-3 < rate < 1
    assert not check(*words, found.fix)


def test_a_loss_that_is_never_finite_has_no_lower_rate(write_plugin: WritePlugin, only: Only) -> None:
    loss = "class L(nn.Module):\n    def forward(self, o, t):\n        return (o.sum() * 0 - 1).log()\n"
    plugin = write_plugin("logloss", "L()", before=loss, returns="Loss")
    found = only(ID, "dataset=iris", "model=linear", "loss=logloss", plugins=(plugin,))
    assert found.fix is None


@pytest.mark.parametrize("words", [("optimizer.lr=2e-4",), ("optimizer.lr=2e-4", "optimizer.momentum=0.5")])
def test_stable_rates_are_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert not check("dataset=line", "model=linear", "optimizer=sgd", *words)


def test_the_figures_are_finite(only: Only) -> None:
    found = only(ID, *TUTORIAL)
    limit = float(found.message.split("above ")[1].split(";")[0])
    assert math.isclose(limit, 3.1e-4, rel_tol=0.1)  # 2 / the largest eigenvalue, for the full batch
