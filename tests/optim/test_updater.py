"""dlrun.optim.updater: accumulation, clipping, precision, and gradients of separate groups."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlrun.optim.device import Device
from dlrun.optim.distributed.group import Group
from dlrun.optim.updater import Updater


def device(precision: str = "fp32") -> Device:
    return Device(torch.device("cpu"), precision, 1)


def updater(model: nn.Module, *, precision: str = "fp32", clip_norm: float | None = None, lr: float = 0.1) -> Updater:
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for group in optimizer.param_groups:
        group["initial_lr"] = lr
    return Updater({"model": optimizer}, device=device(precision), clip_norm=clip_norm)


def model_and_rows() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    return nn.Linear(4, 1), torch.randn(32, 4), torch.randn(32, 1)


def test_a_step_is_the_gradient_times_the_rate() -> None:
    weight = nn.Parameter(torch.tensor([2.0]))
    update = Updater({"model": torch.optim.SGD([weight], lr=0.1)}, device=device())
    update("model", (weight**2).sum())
    assert weight.item() == pytest.approx(2 - 0.1 * 4)
    assert weight.grad is None


@pytest.mark.parametrize("sizes", [[8, 8, 8, 8], [10, 10, 10, 2]])
@pytest.mark.parametrize("clip_norm", [None, 0.01])
def test_accumulated_batches_equal_one_large_batch(sizes: list[int], clip_norm: float | None) -> None:
    model, inputs, targets = model_and_rows()
    whole = copy.deepcopy(model)
    updater(whole, clip_norm=clip_norm)("model", (whole(inputs) - targets).square().mean())
    update = updater(model, clip_norm=clip_norm)
    before = model.weight.clone()
    parts = list(zip(inputs.split(sizes), targets.split(sizes), strict=True))
    for number, (rows, wanted) in enumerate(parts):
        assert torch.equal(model.weight, before)
        update.weight, update.is_last = len(rows) / 32, number == len(parts) - 1
        update("model", (model(rows) - wanted).square().mean())
    for ours, theirs in zip(model.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_clipping_limits_the_norm_of_the_whole_gradient(precision: str) -> None:
    weights = nn.Parameter(torch.tensor([0.0, 0.0]))
    optimizer = torch.optim.SGD([weights], lr=1.0)
    update = Updater({"model": optimizer}, device=device(precision), clip_norm=1.0)
    update("model", (weights * torch.tensor([3.0, 4.0])).sum())  # norm 5
    assert weights.tolist() == pytest.approx([-0.6, -0.8], abs=1e-5)


def test_gradients_of_one_group_do_not_reach_the_other() -> None:
    first, second = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(1.0))
    update = Updater(
        {"first": torch.optim.SGD([first], lr=0.1), "second": torch.optim.SGD([second], lr=0.1)}, device=device()
    )
    update("first", 3 * first * second)
    assert (first.item(), second.item()) == pytest.approx((0.7, 1.0))
    assert second.grad is None
    update("second", 2 * first * second)
    assert (first.item(), second.item()) == pytest.approx((0.7, 1 - 0.1 * 2 * 0.7))


@pytest.mark.parametrize(("precision", "tolerance"), [("bf16", 3e-2), ("fp16", 3e-3)])
def test_half_precision_is_close_to_full_precision(precision: str, tolerance: float) -> None:
    model, inputs, targets = model_and_rows()
    half = copy.deepcopy(model)
    update, half_update = updater(model), updater(half, precision=precision)
    for _ in range(3):
        update("model", (model(inputs) - targets).square().mean())
        with half_update._device.autocast():
            half_update("model", (half(inputs) - targets).square().mean())
    assert half.weight.dtype == torch.float32
    torch.testing.assert_close(half.weight, model.weight, rtol=tolerance, atol=tolerance)


def test_fp16_skips_a_step_that_overflows_and_reduces_the_scale() -> None:
    model, inputs, _ = model_and_rows()
    update = updater(model, precision="fp16")
    assert update.scalers
    scale = update.scalers["model"].get_scale()
    before = model.weight.clone()
    update("model", model(inputs).sum() * torch.tensor(1e38))
    assert torch.equal(model.weight, before)
    assert update.scalers["model"].get_scale() == scale / 2
    update("model", model(inputs).sum())
    assert not torch.equal(model.weight, before)


def test_the_factor_applies_to_the_initial_rate_of_every_group() -> None:
    update = updater(nn.Linear(2, 2), lr=0.4)
    update.set_factor(0.5)
    update.set_factor(0.25)
    assert update.lr == pytest.approx(0.1)


def test_the_sum_over_processes_is_measured_apart_from_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Group, "add", lambda _, tensor: tensor.mul_(2))  # as another process with the same rows would
    weight = nn.Parameter(torch.tensor([2.0]))
    of_two = dataclasses.replace(device(), group=Group(0, 2))
    update, phases = Updater({"model": torch.optim.SGD([weight], lr=0.1)}, device=of_two), list[str]()

    def noted(phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: (phases.append(phase), function(*args))[1]

    update.instrument(noted)
    update("model", (weight**2).sum())
    assert phases == ["backward", "sum", "step"]
    assert weight.item() == pytest.approx(2 - 0.1 * 8)
