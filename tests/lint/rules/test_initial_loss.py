from __future__ import annotations

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only, WritePlugin

ID = "initial-loss"


def test_unscaled_inputs_are_found_with_both_numbers_and_the_cure(only: Only, check: Examine) -> None:
    words = ("dataset=wine", "model=mlp", "dataset.standardise=false")
    found = only(ID, *words)
    assert (found.severity, found.key, found.fix) == ("warning", "dataset.standardise", "dataset.standardise=true")
    assert "constant outputs of 0 have 1.1." in found.message  # ln 3
    assert not check("dataset=wine", "model=mlp", "dataset.standardise=true")


def test_outputs_of_a_wrong_scale_are_found_in_the_users_own_model(write_plugin: WritePlugin, only: Only) -> None:
    scale = "class Scaled(nn.Linear):\n    def forward(self, x):\n        return 1000 * super().forward(x)\n"
    body = "nn.Sequential(nn.Flatten(), nn.Linear(4, 32), nn.ReLU(), Scaled(32, 3))"
    found = only(ID, "dataset=iris", "model=loud", plugins=(write_plugin("loud", body, before=scale),))
    assert (found.key, found.fix) == ("model", None)


@pytest.mark.parametrize(
    "words",
    [
        ("dataset=wine", "model=mlp", "model.init=kaiming"),
        ("dataset=diabetes", "model=mlp", "model.init=kaiming"),
        ("dataset=diabetes", "model=mlp", "dataset.standardise_target=false"),
        ("dataset=breast_cancer", "loss=binary_cross_entropy", "loss.class_weights=balanced", "model=mlp"),
        ("dataset=wine", "loss=cross_entropy", "loss.label_smoothing=0.5", "model=mlp"),
        ("dataset=line", "seed=1"),  # one layer comes down from any height
    ],
)
def test_losses_near_chance_are_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert ID not in [each.id for each in check(*words)]
