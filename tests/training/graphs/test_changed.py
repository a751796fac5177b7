"""dlrun.training.graphs.changed: a step is taken back and taken again, and the two results are compared."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from dlrun.optim.device import Device
from dlrun.optim.updater import Updater
from dlrun.training.graphs.changed import Changed


class Net(nn.Module):
    """A network with a parameter, buffers and random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layers(rows)
        return out


def begun(*, precision: str = "fp32") -> tuple[Net, Updater, Changed]:
    """Return a network after one step."""
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1, fused=True)
    device = Device(torch.device("cpu"), precision, 1)
    updater = Updater({"model": optimizer}, device=device)
    step(model, updater)
    return model, updater, Changed(model, updater, device=device.torch)


def step(model: nn.Module, updater: Updater) -> None:
    """Take a step on fixed rows."""
    updater("model", model(torch.linspace(-1, 1, 24).reshape(8, 3)).square().mean())


def test_a_step_taken_back_and_taken_again_gives_the_same_bytes() -> None:
    model, updater, changed = begun()
    places = [parameter.data_ptr() for parameter in model.parameters()]
    before = changed.copy()
    step(model, updater)
    after = changed.copy()
    assert changed.distance(before=after, after=before) > 0.5  # a whole step away
    changed.restore(before)
    assert changed.distance(before=before, after=after) == pytest.approx(1.0)
    step(model, updater)  # with the same dropout mask, since random numbers were restored
    assert changed.distance(before=before, after=after) == 0.0
    assert [parameter.data_ptr() for parameter in model.parameters()] == places
    assert next(iter(updater.optimizers["model"].state.values()))["step"] == 2
    assert model.get_buffer("layers.1.num_batches_tracked") == 2


def test_the_distance_is_a_share_of_the_step() -> None:
    model, updater, changed = begun()
    before = changed.copy()
    with torch.no_grad():
        model.get_parameter("layers.3.weight").copy_(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))
    start = changed.copy()
    with torch.no_grad():
        model.get_parameter("layers.3.weight").add_(torch.tensor([[0.0, 0.0, 3.0, 4.0]]))  # a step of length 5
    after = changed.copy()
    with torch.no_grad():
        model.get_parameter("layers.3.weight").add_(torch.tensor([[0.5, 0.0, 0.0, 0.0]]))
    assert changed.distance(before=start, after=after) == pytest.approx(0.1)
    changed.restore(after)
    assert changed.distance(before=start, after=after) == 0.0
    with torch.no_grad():
        next(iter(updater.optimizers["model"].state.values()))["step"].add_(
            1
        )  # the weights agree, and the optimizer's state does not
    assert changed.distance(before=start, after=after) == math.inf
    changed.restore(before)
    assert changed.distance(before=before, after=before) == 0.0


def test_numbers_that_are_not_finite_are_infinitely_far() -> None:
    model, _, changed = begun()
    before = changed.copy()
    with torch.no_grad():
        model.get_parameter("layers.0.bias").fill_(math.nan)
    assert changed.distance(before=before, after=before) == math.inf


def test_loss_scaling_is_taken_back_too() -> None:
    model, updater, changed = begun(precision="fp16")
    before = changed.copy()
    (scaler,) = updater.scalers.values()
    assert scaler.get_scale() == 65_536.0
    with torch.no_grad():
        model.get_parameter("layers.3.weight").fill_(1e30)  # so that gradients overflow and the scale is halved
    step(model, updater)
    assert scaler.get_scale() == 32_768.0
    changed.restore(before)
    assert scaler.get_scale() == 65_536.0
    assert changed.distance(before=before, after=before) == 0.0
