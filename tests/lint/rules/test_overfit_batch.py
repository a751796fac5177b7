from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only, WritePlugin

ID = "cannot-overfit-batch"
LOSS = "class L(nn.Module):\n    def forward(self, o, t):\n        return -nn.functional.cross_entropy(o, t)\n"


def test_a_loss_of_the_wrong_sign_is_found(write_plugin: WritePlugin, only: Only) -> None:
    plugin = write_plugin("negative", "L()", before=LOSS, returns="Loss")
    found = only(ID, "dataset=iris", "model=mlp", "loss=negative", plugins=(plugin,), deep=True)
    assert (found.severity, found.key, found.fix) == ("warning", "model", None)
    assert "Trained on 16 rows of one batch alone, without dropout, the loss goes from -1" in found.message


def test_outputs_that_end_in_a_relu_are_found(write_plugin: WritePlugin, only: Only) -> None:
    body = "nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 1), nn.ReLU())"
    plugin = write_plugin("clipped", body)
    assert only(ID, "dataset=diabetes", "model=clipped", plugins=(plugin,), deep=True).fix is None


def test_frozen_layers_are_found(write_plugin: WritePlugin, only: Only) -> None:
    before = (
        "def frozen():\n"
        "    layer = nn.Linear(4, 8).requires_grad_(False)\n"
        "    nn.init.zeros_(layer.weight)\n"
        "    return layer\n"
    )
    plugin = write_plugin("ice", "nn.Sequential(frozen(), nn.ReLU(), nn.Linear(8, 3))", before=before)
    assert only(ID, "dataset=iris", "model=ice", plugins=(plugin,), deep=True).key == "model"


def test_a_rate_that_is_far_too_small_is_found_with_one_that_learns(only: Only, check: Examine) -> None:
    words = ("dataset=digits", "model=mlp", "optimizer=adam")
    found = only(ID, *words, "optimizer.lr=1e-7", deep=True)
    assert found.key == "optimizer.lr"
    assert found.fix is not None
    assert 1e-5 <= float(found.fix.removeprefix("optimizer.lr=")) <= 1e-2
    assert not check(*words, found.fix, deep=True)


@pytest.mark.parametrize(
    "words",
    [
        ("dataset=iris",),
        ("dataset=digits", "model=mlp"),
        ("dataset=digits", "model=mlp", "model.dropout=0.5"),
        ("dataset=iris", "model=linear"),
        ("dataset=diabetes", "model=linear"),
        ("dataset=line",),
        ("dataset=line", "optimizer=sgd", "optimizer.lr=2e-4"),
        ("dataset=text", "dataset.path=example:reviews.csv"),
        ("dataset=digits", "model=gan"),
        ("recipe=lenet_random",),  # which needs 7,500 steps
    ],
)
def test_models_that_learn_are_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert not check(*words, deep=True)


def test_it_does_not_run_unless_it_is_asked_for(write_plugin: WritePlugin, check: Examine, tmp_path: Path) -> None:
    plugin = write_plugin("negative", "L()", before=LOSS, returns="Loss")
    assert ID not in [each.id for each in check("dataset=iris", "model=mlp", "loss=negative", plugins=(plugin,))]
