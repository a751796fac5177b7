"""dlrun.optim.ema: the moving average by its formula."""

from __future__ import annotations

import pytest
import torch

from dlrun.optim.ema import WeightAverage


def test_the_average_follows_its_formula() -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(0.0)
    average = WeightAverage(layer, decay=0.5)
    with torch.no_grad():
        layer.weight.fill_(11.0)
    average.update(1)  # decay min(0.5, 2 / 11): 0 moves by 9/11 of the way to 11
    assert average.merged(layer.state_dict())["weight"].item() == pytest.approx(9.0)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    average.update(100)  # decay 0.5
    with average.applied():
        assert layer.weight.item() == pytest.approx(5.0)
    assert layer.weight.item() == 1.0
