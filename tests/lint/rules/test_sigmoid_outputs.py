from __future__ import annotations

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only, WritePlugin

ID = "sigmoid-before-cross-entropy"
BODY = "nn.Sequential(nn.Linear(spec.num_features, width), nn.ReLU(), nn.Linear(width, {outputs}), {last})"


@pytest.mark.parametrize(("dataset", "outputs"), [("breast_cancer", 1), ("iris", 3)])
def test_outputs_that_are_no_logits_are_found(
    write_plugin: WritePlugin, only: Only, dataset: str, outputs: int
) -> None:
    plugin = write_plugin("ends", BODY.format(outputs=outputs, last="nn.Sigmoid()"))
    found = only(ID, f"dataset={dataset}", "model=ends", plugins=(plugin,))
    assert (found.severity, found.key, found.fix) == ("warning", "model", None)
    assert "lie between 0 and 1" in found.message


def test_a_model_that_ends_in_a_linear_layer_is_fine(write_plugin: WritePlugin, check: Examine) -> None:
    plugin = write_plugin("linear_end", BODY.format(outputs=3, last="nn.Identity()"))
    assert not check("dataset=iris", "model=linear_end", plugins=(plugin,))


def test_a_loss_of_the_users_own_may_take_them(write_plugin: WritePlugin, check: Examine) -> None:
    model = write_plugin("ends", BODY.format(outputs=3, last="nn.Sigmoid()"))
    loss = write_plugin("own_loss", "nn.NLLLoss()", returns="Loss")
    found = check("dataset=iris", "model=ends", "loss=own_loss", plugins=(model, loss))
    assert ID not in [each.id for each in found]
