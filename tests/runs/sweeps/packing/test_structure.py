"""Whether models are of one structure, and whether computing them at once gives what each gives alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dlrun.data.spec import Batch, DataSpec
from dlrun.runs.sweeps.packing.structure import difference, trial
from dlrun.tasks.task import SupervisedTask

NUMBERS = DataSpec(kind="dense", shape=(2,), goal="regression", num_outputs=1, num_train=4)
BATCH = Batch(torch.tensor([[1.0, 2.0], [0.5, -1.0]]), torch.tensor([[1.0], [0.0]]))


def network(*layers: nn.Module, dropout: float = 0.5) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.Dropout(dropout), *layers, nn.Linear(2, 1))


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (network(nn.LeakyReLU(0.1)), None),
        (network(nn.LeakyReLU(0.1), dropout=0.1), None),  # a model of a pack may have its own
        (network(nn.LeakyReLU(0.2)), "3: its negative_slope differs"),
        (network(nn.ReLU()), "3: LeakyReLU here, ReLU there"),
        (network(), "its model has other layers"),
        (network(nn.LeakyReLU(0.1)).double(), "1: its tensors have other shapes or types"),
    ],
)
def test_a_difference_of_structure_is_told_with_its_layer(other: nn.Module, what: str | None) -> None:
    assert difference(network(nn.LeakyReLU(0.1)), other) == what


class Scaled(nn.Module):
    """Multiplies by a buffer."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def test_buffers_must_be_equal() -> None:
    assert difference(network(Scaled(2.0)), network(Scaled(2.0))) is None
    assert difference(network(Scaled(2.0)), network(Scaled(3.0))) == "3: its factor differs"


class Branching(nn.Module):
    """Looks at a value, which `vmap` does not allow."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Mixing(nn.Module):
    """Is another function while `vmap` maps it."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (3.0 if torch._C._functorch.is_batchedtensor(x) else 1.0)


def tasks(*layers: nn.Module) -> list[SupervisedTask]:
    return [SupervisedTask(network(*layers), nn.MSELoss(), NUMBERS) for _ in range(2)]


def test_a_trial_finds_models_that_cannot_be_computed_at_once() -> None:
    assert trial(tasks(nn.ReLU()), BATCH) is None
    assert trial(tasks(nn.Hardtanh()), BATCH) is None  # under vmap
    assert "torch.func cannot map its model (RuntimeError: vmap" in str(trial(tasks(Branching()), BATCH))
    assert trial(tasks(Mixing()), BATCH) == "its loss or gradient is another under torch.func"


def test_a_trial_leaves_the_models_as_they_were() -> None:
    found = tasks(nn.ReLU())
    found[1].model.eval()
    before = [(parameter, parameter.data_ptr(), parameter.detach().clone()) for parameter in found[0].parameters()]
    modes = [module.training for task in found for module in task.modules()]
    state = torch.get_rng_state()
    assert trial(found, BATCH) is None
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for task in found for module in task.modules()] == modes
    for parameter, place, values in before:
        assert parameter.data_ptr() == place
        assert torch.equal(parameter, values)
        assert parameter.grad is None
