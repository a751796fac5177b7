from __future__ import annotations

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only, WritePlugin

ID = "unused-parameters"
MODEL = (
    "class Model(nn.Module):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.first, self.last = nn.Linear(4, 32), nn.Linear(32, 3)\n"
    "    def forward(self, x):\n"
    "        return self.last({hidden})\n"
)


def test_a_layer_behind_detach_is_named(write_plugin: WritePlugin, only: Only) -> None:
    before = MODEL.format(hidden="self.first(x).relu().detach()")
    found = only(ID, "dataset=iris", "model=cut", plugins=(write_plugin("cut", "Model()", before=before),))
    assert (found.severity, found.key, found.fix) == ("warning", "model", None)
    assert "does not depend on 2 of the model's parameters: model.first.weight, model.first.bias." in found.message


def test_a_model_whose_layers_are_all_called_is_fine(write_plugin: WritePlugin, check: Examine) -> None:
    before = MODEL.format(hidden="self.first(x).relu()")
    assert not check("dataset=iris", "model=whole", plugins=(write_plugin("whole", "Model()", before=before),))
