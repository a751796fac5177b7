"""dlrun.optim.ema: the moving average by its formula."""

from __future__ import annotations

import warnings

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


def test_averages_lie_to_each_other_as_the_parameters_do() -> None:
    layer, memory = torch.nn.Linear(2, 2), torch.arange(9.0)
    layer.weight.data, layer.bias.data = memory[1:5].view(2, 2), memory[6:8]
    layer.alias, layer.twin = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    layer.twin.data = layer.alias.data  # two parameters of the same numbers
    average = WeightAverage(layer, decay=0.5)
    weight, bias, alias, twin = average.averages
    assert [each.tolist() for each in average.averages] == [[[1, 2], [3, 4]], [6, 7], [1, 1], [1, 1]]
    assert weight.untyped_storage().data_ptr() == bias.untyped_storage().data_ptr() != memory.data_ptr()
    assert (weight.storage_offset(), bias.storage_offset()) == (0, 5)
    assert alias.data_ptr() != twin.data_ptr()
    with torch.no_grad():
        memory.fill_(0.0)
        layer.alias.fill_(3.0)
    average.update(100)  # decay 0.5
    assert [each.tolist() for each in average.averages] == [[[0.5, 1], [1.5, 2]], [3, 3.5], [2, 2], [2, 2]]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_cudnn_does_not_warn_of_averages_of_a_recurrent_layer() -> None:
    layer = torch.nn.LSTM(3, 4).cuda()
    average = WeightAverage(layer, decay=0.5)
    inputs = torch.rand(5, 2, 3, device="cuda")
    with warnings.catch_warnings(), average.applied():
        warnings.simplefilter("error")
        layer(inputs)
