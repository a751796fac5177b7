"""dlrun.tasks.copies: copies are apart from the original, but for what they share."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from dlrun.tasks.copies import copy_of


def test_a_copy_has_its_own_weights_or_the_ones_that_it_shares() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.GRU(2, 2))
    copied = copy_of(model)
    assert all(one is not other for one, other in zip(model.parameters(), copied.parameters(), strict=True))
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), copied.parameters(), strict=True))
    sharing = copy_of(model, {id(model[0].weight): model[0].weight})
    assert sharing[0].weight is model[0].weight
    assert sharing[0].bias is not model[0].bias


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_cudnn_does_not_warn_of_a_copied_recurrent_layer() -> None:
    layer = nn.LSTM(3, 4).cuda()
    inputs = torch.rand(5, 2, 3, device="cuda")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(copy_of(layer)(inputs)[0], layer(inputs)[0])


def test_only_weights_of_the_copy_alone_are_moved_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[nn.Module] = []
    monkeypatch.setattr(nn.RNNBase, "flatten_parameters", lambda layer: moved.append(layer))
    layer = nn.LSTM(3, 4)
    moved.clear()
    apart = copy_of(layer)
    assert moved == [apart]
    given = {id(layer.weight_hh_l0): layer.weight_hh_l0}
    assert copy_of(layer, given).weight_hh_l0 is layer.weight_hh_l0
    assert moved == [apart]
    assert len(given) == 1
