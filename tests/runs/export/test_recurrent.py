"""dlrun.runs.export.recurrent: recurrent layers as loops."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dlrun.errors import ConfigError
from dlrun.runs.export.recurrent import RecurrentLoop, with_loops

LAYERS = {
    "rnn": lambda: nn.RNN(3, 4, batch_first=True),
    "relu": lambda: nn.RNN(3, 4, nonlinearity="relu", bias=False),
    "gru": lambda: nn.GRU(3, 4, num_layers=2, bidirectional=True),
    "lstm": lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_loop_gives_the_outputs_and_the_last_states_of_its_layer(name: str) -> None:
    layer = LAYERS[name]()
    inputs = torch.randn(5, 6, 3)
    with torch.no_grad():
        outputs, state = layer(inputs)
        found, last = RecurrentLoop(layer)(inputs)
    assert torch.allclose(found, outputs, atol=1e-6)
    for one, other in zip(*((each,) if torch.is_tensor(each) else each for each in (last, state)), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_every_layer_within_a_model_is_replaced() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.ModuleList([nn.GRU(3, 3)]))
    assert with_loops(model) is model
    assert not any(isinstance(module, nn.RNNBase) for module in model.modules())
    assert isinstance(with_loops(nn.GRU(3, 3)), RecurrentLoop)


def test_projections_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"projections \(proj_size\) cannot be exported"):
        with_loops(nn.LSTM(3, 4, proj_size=2))
