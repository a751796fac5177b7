"""What cannot be shared out; the rest is in tests/training/sharded/test_state.py, with two processes."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from dlrun.errors import ConfigError
from dlrun.optim.distributed.sharding import allow_scattered_weights, check_groups


def refusal(model: nn.Module, running: dict[int, frozenset[int]] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        check_groups({"model": model}, running or {})
    assert caught.value.problems[0].id == "sharding"
    assert caught.value.problems[0].fix == "device.strategy=ddp"
    return str(caught.value)


def test_a_parameter_without_dimensions_is_refused() -> None:
    model = nn.Linear(2, 2)
    model.scale = nn.Parameter(torch.tensor(1.0))
    assert "The parameter scale is a single number without dimensions" in refusal(model)


def test_a_group_without_a_forward_pass_is_refused() -> None:
    assert "The group model is a ModuleList, which has no forward pass" in refusal(nn.ModuleList([nn.Linear(2, 2)]))


def test_a_weight_that_is_used_while_its_group_does_not_run_is_refused() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    said = refusal(model, {id(model[0].weight): frozenset({id(model[0])})})
    assert "The parameter 0.weight is used while the Sequential that it belongs to does not run" in said


def test_others_are_not_refused() -> None:
    check_groups({"model": nn.Sequential(nn.Linear(2, 2))}, {})


def test_cudnn_does_not_ask_for_what_would_leave_old_weights() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        allow_scattered_weights()
        warnings.warn(
            "RNN module weights are not part of single contiguous chunk of memory. This means they need to be "
            "compacted at every call, possibly greatly increasing memory usage.",
            stacklevel=1,
        )
        with pytest.raises(UserWarning, match="another"):
            warnings.warn("another", stacklevel=1)
