"""dlrun.optim.rates: every group's rate follows the schedule, in float32 on a GPU."""

from __future__ import annotations

import torch
from torch import nn

from dlrun.optim.rates import Rates


def groups() -> torch.optim.Optimizer:
    weights = [nn.Parameter(torch.ones(1)) for _ in range(2)]
    return torch.optim.SGD([{"params": weights[:1]}, {"params": weights[1:], "lr": 0.01}], lr=0.1)


def test_each_group_keeps_its_own_rate() -> None:
    optimizer = groups()
    rates = Rates([optimizer], torch.device("cpu"))
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.01]
    rates.set_factor(0.5)
    rates.set_factor(0.25)  # of the first rate, not of the one before
    assert [group["lr"] for group in optimizer.param_groups] == [0.025, 0.0025]
    assert rates.of_first_group == 0.025


def test_a_gpu_gets_rates_that_float32_can_hold() -> None:
    optimizer = groups()
    rates = Rates([optimizer], torch.device("cuda"))
    used = optimizer.param_groups[0]["lr"]
    assert used == torch.tensor(0.1, dtype=torch.float32).item() != 0.1
    assert rates.of_first_group == 0.1  # what is logged
