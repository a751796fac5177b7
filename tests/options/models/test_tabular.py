"""The tabular model: its linear start, its members, and what it measures on the training rows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from dlrun.baselines.ridge import fit_ridge
from dlrun.data.loading.split import MemorySplit
from dlrun.data.spec import Batch, DataSpec
from dlrun.errors import ConfigError
from dlrun.options.models.tabular import MemberLinear, Periodic, Tabular, tabular
from dlrun.tasks.task import FitsData, SupervisedTask

NUMBERS = DataSpec("dense", (3,), "regression", 1, numbers=3)
FIELDS: dict[str, Any] = {
    "members": 3, "hidden": [8], "activation": "silu", "dropout": 0.0, "frequencies": 2, "linear": True,
    "additive": False, "share": 1.0,
}  # fmt: skip


def rows(count: int = 50) -> tuple[Tensor, Tensor]:
    """Return numbers, (N, 3), and a target that is linear in them, (N, 1)."""
    inputs = torch.randn(count, 3, generator=torch.Generator().manual_seed(1))
    return inputs, inputs @ torch.tensor([[1.0], [-2.0], [0.5]]) + 3


def fitted(spec: DataSpec, inputs: Tensor, targets: Tensor, **fields: Any) -> Tabular:
    model = tabular(spec, **{**FIELDS, **fields})
    assert isinstance(model, Tabular)
    with torch.no_grad():
        model.fit_to(MemorySplit(inputs, targets))
    return model.eval()


def test_it_begins_with_ridge_regression() -> None:
    inputs, targets = rows()
    model = fitted(NUMBERS, inputs, targets)
    expected = fit_ridge(inputs.double(), targets.double()).predict(inputs.double())
    torch.testing.assert_close(model(inputs).double(), expected, atol=1e-4, rtol=0)


def test_it_begins_with_logistic_regression_where_targets_are_classes() -> None:
    inputs, targets = rows()
    classes = (targets[:, 0] > 3).long() + (targets[:, 0] > 5).long()
    spec = DataSpec("dense", (3,), "multiclass", 3, numbers=3)
    model = fitted(spec, inputs, classes)
    assert (model(inputs).argmax(dim=1) == classes).float().mean() > 0.9
    assert model(inputs).shape == (50, 3)


def test_without_the_linear_model_it_begins_with_the_networks() -> None:
    inputs, targets = rows()
    model = fitted(NUMBERS, inputs, targets, linear=False)
    assert model.linear is None
    assert model(inputs).std() > 0.01


def test_it_begins_with_functions_of_each_number_where_a_line_does_not_fit() -> None:
    inputs = rows(400)[0]
    targets = inputs[:, :1].abs()
    straight = (fitted(NUMBERS, inputs, targets)(inputs) - targets).square().mean()
    bent = (fitted(NUMBERS, inputs, targets, additive=True)(inputs) - targets).square().mean()
    assert straight > 0.2
    assert bent < 0.01


def test_predictions_add_a_share_of_the_networks_output() -> None:
    inputs, targets = rows()
    whole, half = (fitted(NUMBERS, inputs, targets, share=share) for share in (1.0, 0.5))
    begun = whole(inputs)
    torch.manual_seed(0)
    torch.nn.init.normal_(whole.layers[-1].weight)
    half.load_state_dict(whole.state_dict())
    torch.testing.assert_close(half(inputs) - begun, 0.5 * (whole(inputs) - begun), atol=1e-5, rtol=1e-5)
    assert (whole(inputs) - begun).abs().max() > 0.1
    torch.testing.assert_close(half.train()(inputs), whole.train()(inputs))  # training learns all that is left


def test_codes_of_categories_are_one_hot_in_the_linear_model() -> None:
    inputs = torch.tensor([[0.0, 1], [0.0, 2], [0.0, 1], [0.0, 2], [0.0, 0]]).repeat(20, 1)
    targets = torch.tensor([[1.0], [5.0], [1.0], [5.0], [3.0]]).repeat(20, 1)
    model = fitted(DataSpec("dense", (2,), "regression", 1, categories=(3,)), inputs, targets)
    assert model.linear is not None
    assert model.linear.weight.shape == (3, 1)  # a number and two known categories
    torch.testing.assert_close(model(inputs[:2])[:, 0], torch.tensor([1.0, 5.0]), atol=0.15, rtol=0)


def test_numbers_are_scaled_by_median_and_quartiles_and_a_constant_becomes_zero() -> None:
    inputs = torch.tensor([[1.0, 0, 7], [2.0, 0, 7], [3.0, 0, 7], [4.0, 0, 7], [5.0, 8, 7]])
    model = fitted(NUMBERS, inputs, torch.arange(5.0).unsqueeze(1))
    assert model.median.tolist() == [3.0, 0.0, 7.0]
    assert model.factor.tolist() == [0.5, 0.25, 0.0]  # 1 / (4 - 2); 2 / (8 - 0), since the quartiles are equal


def test_training_returns_each_member_and_evaluation_their_mean() -> None:
    inputs, targets = rows(4)
    model = fitted(NUMBERS, inputs, targets, linear=False)
    mean = model(inputs)
    model.train()
    members = model(inputs)
    assert members.shape == (12, 1)
    torch.testing.assert_close(members.view(3, 4, 1).mean(dim=0), mean)
    assert not torch.allclose(members[:4], members[4:8])


def test_one_member_is_its_own_mean() -> None:
    inputs, targets = rows(4)
    model = fitted(NUMBERS, inputs, targets, members=1, linear=False)
    torch.testing.assert_close(model(inputs), model.train()(inputs))


def test_a_training_step_compares_every_member_with_the_targets() -> None:
    inputs, targets = rows(4)
    model = fitted(NUMBERS, inputs, targets, linear=False)
    task = SupervisedTask(model, torch.nn.MSELoss(), NUMBERS).train()
    losses = []
    found = task.train_step(Batch(inputs, targets), lambda group, loss: losses.append(loss))
    expected = (model(inputs) - targets.repeat(3, 1)).square().mean()
    torch.testing.assert_close(found["loss"], expected.detach())
    assert len(losses) == 1


def test_the_members_of_a_layer_are_layers_of_their_own() -> None:
    layer = MemberLinear(2, 3, 4)
    out = layer(torch.randn(2, 5, 3))
    assert out.shape == (2, 5, 4)
    layer = MemberLinear(2, 3, 1, zero=True)
    assert layer(torch.randn(2, 5, 3)).abs().sum() == 0
    assert layer.bias.ndim == 1  # so that weight decay of matrices alone spares it


def test_periodic_features_are_sines_and_cosines_of_their_own_number() -> None:
    layer = Periodic(1, 2, 1)
    numbers = torch.tensor([[0.5, 1.0], [0.5, 2.0]])
    out = layer(numbers)
    assert out.shape == (1, 2, 8)
    torch.testing.assert_close(out[0, 0, :4], out[0, 1, :4])  # the same first number
    angle = 2 * torch.pi * 0.5 * layer.frequencies[0]
    expected = (torch.stack([angle.sin(), angle.cos()]) @ layer.layer.weight[0]).relu()
    torch.testing.assert_close(out[0, 0, :4], expected)


def test_what_it_measured_is_in_its_state() -> None:
    inputs, targets = rows()
    model = fitted(NUMBERS, inputs, targets)
    again = tabular(NUMBERS, **FIELDS)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.eval()(inputs), model(inputs))
    assert isinstance(model, FitsData)


def test_it_takes_tables_only() -> None:
    with pytest.raises(ConfigError, match="takes rows of numbers and categories, got 8x8 grey images, 10 classes"):
        tabular(DataSpec("image", (1, 8, 8), "multiclass", 10), **FIELDS)


@pytest.mark.parametrize("goal", ["binary", "multiclass"])
def test_the_mean_of_classes_is_that_of_probabilities(goal: Any) -> None:
    spec = DataSpec("dense", (3,), goal, 2 if goal == "binary" else 3, numbers=3)
    inputs = rows(6)[0]
    model = tabular(spec, **{**FIELDS, "linear": False})
    members = model(inputs).view(3, 6, -1)
    mean = model.eval()(inputs)
    if goal == "binary":
        torch.testing.assert_close(mean.sigmoid(), members.sigmoid().mean(dim=0))
    else:
        torch.testing.assert_close(mean.softmax(dim=1), members.softmax(dim=2).mean(dim=0))
