"""Stacked parameters: each model works on its slice, and gets the gradients of its own loss."""

from __future__ import annotations

import torch
from torch import nn

from dlrun.runs.sweeps.packing.stack import Stack


def two_lines() -> list[nn.Linear]:
    lines = [nn.Linear(1, 1), nn.Linear(1, 1)]
    with torch.no_grad():
        for line, (weight, bias) in zip(lines, ((2.0, 1.0), (3.0, -1.0)), strict=True):
            line.weight.fill_(weight)
            line.bias.fill_(bias)
    return lines


def test_models_keep_their_values_and_share_the_memory_of_the_stack() -> None:
    lines = two_lines()
    own = lines[1].weight
    stack = Stack(lines)
    assert stack.parameters["weight"].tolist() == [[[2.0]], [[3.0]]]
    assert lines[1].weight is own
    with torch.no_grad():
        own.add_(1.0)
    assert stack.parameters["weight"].tolist() == [[[2.0]], [[4.0]]]


def test_each_model_gets_the_gradients_of_its_own_loss() -> None:
    stack = Stack(two_lines())
    x = torch.tensor([1.0, 2.0])
    outputs = stack.parameters["weight"][:, 0] * x + stack.parameters["bias"]  # (2, 1) * (2,) -> (2, 2)
    # the mean square of 2x + 1 is (9 + 25) / 2 at 1 and 2; of 3x - 1 it is (4 + 25) / 2
    losses = outputs.square().mean(dim=1)
    assert losses.tolist() == [17.0, 14.5]
    (weight, bias), (other_weight, other_bias) = stack.gradients(losses)
    assert (float(weight), float(bias)) == (3 * 1 + 5 * 2, 3 + 5)
    assert (float(other_weight), float(other_bias)) == (2 * 1 + 5 * 2, 2 + 5)


def test_a_loss_that_is_not_a_number_spoils_no_other_gradient() -> None:
    stack = Stack(two_lines())
    losses = stack.parameters["weight"].flatten() * torch.tensor([float("nan"), 1.0])
    first, second = stack.gradients(losses)
    assert [None if each is None else str(each.tolist()) for each in first] == ["[[nan]]", None]
    assert [None if each is None else each.tolist() for each in second] == [[[1.0]], None]  # none for the bias


def test_slices_have_the_strides_of_their_parameters() -> None:
    convolutions = [nn.Conv2d(3, 2, 3).to(memory_format=torch.channels_last) for _ in range(2)]  # type: ignore[call-overload]
    before = [each.weight.stride() for each in convolutions]
    stack = Stack(convolutions)
    assert [each.weight.stride() for each in convolutions] == before
    contiguous = stack.parameters["weight"].contiguous()
    losses = contiguous.flatten(1).sum(dim=1)
    assert [own[0].stride() for own in stack.gradients(losses) if own[0] is not None] == before


def test_frozen_parameters_have_no_gradient() -> None:
    lines = two_lines()
    for line in lines:
        line.bias.requires_grad_(False)
    stack = Stack(lines)
    assert stack.trained == ["weight"]
    assert [len(own) for own in stack.gradients(stack.parameters["weight"].flatten())] == [1, 1]
