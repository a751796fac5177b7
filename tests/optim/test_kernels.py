"""dlrun.optim.kernels: the same bytes as `optimizer.step()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from dlrun.optim.kernels import parameters_of, step_of
from dlrun.optim.updater import clip_gradients

MAKERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, fused=True),
    "adam with decay": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1, fused=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1, fused=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, weight_decay=0.1, fused=True),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, fused=True),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True, fused=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
}


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 16, 5))
    return layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stubs know devices only


def gradients(model: nn.Module, number: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(number)
    inputs = torch.randn(8, 3, 6, 6, generator=generator)
    return list(torch.autograd.grad(model(inputs).square().mean(), list(model.parameters())))


def groups(model: nn.Module) -> list[dict[str, Any]]:
    parameters = list(model.parameters())
    return [{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.02}]


@pytest.mark.parametrize("name", MAKERS)
def test_a_direct_step_gives_the_bytes_of_torch(name: str) -> None:
    ours, theirs = network(), network()
    optimizer, reference = MAKERS[name](groups(ours)), MAKERS[name](groups(theirs))
    step = step_of(optimizer)
    for number in range(4):
        found = gradients(ours, number)
        step([torch.empty_like(p).copy_(g) for p, g in zip(ours.parameters(), found, strict=True)])
        theirs.zero_grad()
        generator = torch.Generator().manual_seed(number)
        theirs(torch.randn(8, 3, 6, 6, generator=generator)).square().mean().backward()
        reference.step()
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(mine, other)
    for mine, other in zip(parameters_of(optimizer), parameters_of(reference), strict=True):
        assert optimizer.state[mine].keys() == reference.state[other].keys()
        for key, value in optimizer.state[mine].items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(reference.state[other][key]))


@pytest.mark.parametrize("name", ["adam", "momentum"])
def test_a_step_uses_state_that_exists(name: str) -> None:
    whole, broken = network(), network()
    optimizer = MAKERS[name](groups(whole))
    step = step_of(optimizer)
    first, second = gradients(whole, 0), gradients(whole, 1)
    step(first)
    loaded = MAKERS[name](groups(broken))
    step_of(loaded)(first)
    again = step_of(loaded)  # uses the state of the step before
    step(second)
    again(second)
    for mine, other in zip(whole.parameters(), broken.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_a_parameter_without_gradient_does_not_change() -> None:
    model = network()
    optimizer = MAKERS["adam"](groups(model))
    step = step_of(optimizer)
    before = [parameter.clone() for parameter in model.parameters()]
    step([None, *gradients(model, 0)[1:]])
    after = list(model.parameters())
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])
    assert all(parameter.grad is None for parameter in after)


def test_clipping_equals_that_of_torch() -> None:
    model = network()
    found = gradients(model, 0)
    for parameter, gradient in zip(model.parameters(), found, strict=True):
        parameter.grad = gradient.clone()
    nn.utils.clip_grad_norm_(model.parameters(), 0.01)
    ours = clip_gradients([*found, None], 0.01)
    assert ours[-1] is None
    for parameter, gradient in zip(model.parameters(), ours, strict=False):
        assert parameter.grad is not None
        assert gradient is not None
        torch.testing.assert_close(parameter.grad, gradient)
