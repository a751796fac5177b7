from __future__ import annotations

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only, WritePlugin

ID = "unregistered-parameters"
MODEL = (
    "class Model(nn.Module):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.first, self.last = {layers}, nn.Linear(32, 3)\n"
    "    def forward(self, x):\n"
    "        return self.last({call}.relu())\n"
)


@pytest.mark.parametrize(
    ("layers", "call"), [("[nn.Linear(4, 32)]", "self.first[0](x)"), ("None", "nn.Linear(4, 32)(x)")]
)
def test_layers_that_no_optimizer_gets_are_found(write_plugin: WritePlugin, only: Only, layers: str, call: str) -> None:
    plugin = write_plugin("hidden", "Model()", before=MODEL.format(layers=layers, call=call))
    found = only(ID, "dataset=iris", "model=hidden", plugins=(plugin,))
    assert (found.severity, found.key, found.fix) == ("warning", "model", None)
    assert "weights that are no parameters of the model, of shapes (32, 4), (32,)." in found.message


def test_a_module_list_is_fine(write_plugin: WritePlugin, check: Examine) -> None:
    before = MODEL.format(layers="nn.ModuleList([nn.Linear(4, 32)])", call="self.first[0](x)")
    assert not check("dataset=iris", "model=listed", plugins=(write_plugin("listed", "Model()", before=before),))
