"""dlrun.optim.loss_scaling: the tensors of a scaler, and a step that ended with an error."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dlrun.optim.loss_scaling import drop_scaled_steps, scale_tensors


def test_a_scaler_has_tensors_after_its_first_step() -> None:
    scaler = torch.amp.GradScaler("cpu")
    assert scale_tensors([scaler]) == []
    scaler.scale(torch.tensor(1.0))
    assert [each.item() for each in scale_tensors([scaler])] == [65_536.0, 0]


def test_a_step_that_ended_with_an_error_can_be_taken_again() -> None:
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for _ in range(2):
        weight.grad = scaler.scale(torch.ones(2))
        scaler.unscale_(optimizer)
        drop_scaled_steps([scaler])
    weight.grad = scaler.scale(torch.ones(2))
    scaler.unscale_(optimizer)
    assert weight.grad is not None
    assert weight.grad.tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="unscale_"):
        scaler.unscale_(optimizer)
