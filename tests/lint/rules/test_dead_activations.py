from __future__ import annotations

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only, WritePlugin

ID = "dead-activations"


def test_weights_of_zeros_silence_every_unit_and_the_cure_wakes_them(only: Only, check: Examine) -> None:
    found = only(ID, "dataset=digits", "model=mlp", "model.init=zeros")
    assert (found.severity, found.key, found.fix) == ("warning", "model.init", "model.init=default")
    assert "100% of the 128 units after model.2 give 0 on the whole first batch. 2 layers are like it." in found.message
    assert not check("dataset=digits", "model=mlp", "model.init=default")


def test_biases_far_below_zero_are_found_in_the_users_own_model(write_plugin: WritePlugin, only: Only) -> None:
    before = "def make():\n    layer = nn.Linear(4, 32)\n    nn.init.constant_(layer.bias, -20.0)\n    return layer\n"
    plugin = write_plugin("silent", "nn.Sequential(make(), nn.ReLU(), nn.Linear(32, 3))", before=before)
    found = only(ID, "dataset=iris", "model=silent", plugins=(plugin,))
    assert (found.key, found.fix) == ("model", None)
    assert "100% of the 32 units after model.1 give 0" in found.message


def test_some_silent_units_are_fine(check: Examine) -> None:
    assert ID not in [each.id for each in check("dataset=digits", "model=mlp", f"model.hidden={[64] * 10}")]
