"""Two steps of every optimizer against its formula, and which parameters decay."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.options.optimizers.adagrad import adagrad
from dlrun.options.optimizers.adam import adam
from dlrun.options.optimizers.adamw import adamw
from dlrun.options.optimizers.muon import muon
from dlrun.options.optimizers.nadam import nadam
from dlrun.options.optimizers.rmsprop import rmsprop
from dlrun.options.optimizers.sgd import sgd
from dlrun.tasks.task import SupervisedTask
from dlrun.training.build import build_optimizers

GRADIENTS = (0.5, -0.2)
LR, EPS, START = 0.1, 1e-6, 2.0
MUON: dict[str, Any] = {
    "lr": 0.02, "momentum": 0.95, "nesterov": True, "ns_steps": 5, "other_lr_factor": 0.05, "weight_decay": 0.0
}  # fmt: skip


def two_steps(build: Callable[..., torch.optim.Optimizer], **fields: Any) -> float:
    weight = nn.Parameter(torch.tensor([START]))
    optimizer = build([{"params": [weight]}], lr=LR, **fields)
    for gradient in GRADIENTS:
        weight.grad = torch.tensor([gradient])
        optimizer.step()
    return weight.item()


def by_adam(*, decoupled: float = 0.0, l2: float = 0.0) -> float:
    w, m, v = START, 0.0, 0.0
    for t, raw in enumerate(GRADIENTS, start=1):
        g = raw + l2 * w
        w *= 1 - LR * decoupled
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        w -= LR * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.99**t)) + EPS)
    return w


def by_nadam() -> float:
    w, m, v, product = START, 0.0, 0.0, 1.0
    for t, g in enumerate(GRADIENTS, start=1):
        now, after = (0.9 * (1 - 0.5 * 0.96 ** (at * 0.004)) for at in (t, t + 1))
        product *= now
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        look = (1 - now) * g / (1 - product) + after * m / (1 - product * after)
        w -= LR * look / (math.sqrt(v / (1 - 0.99**t)) + EPS)
    return w


def by_rmsprop(*, momentum: float, centered: bool) -> float:
    w, v, mean, buffer = START, 0.0, 0.0, 0.0
    for g in GRADIENTS:
        v, mean = 0.9 * v + 0.1 * g * g, 0.9 * mean + 0.1 * g
        step = g / (math.sqrt(v - mean * mean if centered else v) + EPS)
        buffer = momentum * buffer + step
        w -= LR * buffer
    return w


def by_sgd(*, momentum: float, nesterov: bool, weight_decay: float) -> float:
    w, buffer = START, 0.0
    for raw in GRADIENTS:
        g = raw + weight_decay * w
        buffer = momentum * buffer + g
        w -= LR * (g + momentum * buffer if nesterov else buffer)
    return w


def by_adagrad(*, lr_decay: float) -> float:
    w, total = START, 0.0
    for t, g in enumerate(GRADIENTS):
        total += g * g
        w -= LR / (1 + t * lr_decay) * g / (math.sqrt(total) + EPS)
    return w


BETAS = {"beta1": 0.9, "beta2": 0.99, "eps": EPS}


@pytest.mark.parametrize(
    ("build", "fields", "expected"),
    [
        (adam, {**BETAS, "weight_decay": 0.0}, by_adam()),
        (adam, {**BETAS, "weight_decay": 0.3}, by_adam(l2=0.3)),
        (adamw, {**BETAS, "weight_decay": 0.3}, by_adam(decoupled=0.3)),
        (nadam, {**BETAS, "weight_decay": 0.0}, by_nadam()),
        (adagrad, {"lr_decay": 0.5, "eps": EPS, "weight_decay": 0.0}, by_adagrad(lr_decay=0.5)),
        *(
            (
                rmsprop,
                {"alpha": 0.9, "eps": EPS, "momentum": momentum, "centered": centered, "weight_decay": 0.0},
                by_rmsprop(momentum=momentum, centered=centered),
            )
            for momentum, centered in [(0.0, False), (0.9, False), (0.0, True)]
        ),
        *(
            (
                sgd,
                {"momentum": momentum, "nesterov": nesterov, "weight_decay": 0.3},
                by_sgd(momentum=momentum, nesterov=nesterov, weight_decay=0.3),
            )
            for momentum, nesterov in [(0.0, False), (0.9, False), (0.9, True)]
        ),
    ],
)
def test_two_steps_by_the_formula(build: Any, fields: dict[str, Any], expected: float) -> None:
    assert two_steps(build, **fields) == pytest.approx(expected, rel=1e-5)


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(
        ConfigError, match=r"(?s)optimizer\.nesterov=true.*Nesterov momentum needs optimizer\.momentum above 0"
    ):
        sgd([], lr=0.1, momentum=0.0, nesterov=True, weight_decay=0.0)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))


def step(model: nn.Module, *optimizers: torch.optim.Optimizer) -> None:
    for optimizer in optimizers:
        optimizer.zero_grad()
    torch.manual_seed(1)
    model(torch.randn(4, 1, 4, 4)).square().mean().backward()
    for optimizer in optimizers:
        optimizer.step()


def test_muon_updates_matrices_and_adamw_the_rest() -> None:
    model = network()
    reference = copy.deepcopy(model)
    ours = muon([{"params": list(model.parameters())}], **MUON)
    matrix = torch.optim.Muon(
        [reference[2].weight], lr=0.02, weight_decay=0.0, momentum=0.95, nesterov=True, ns_steps=5
    )
    rest = [reference[0].weight, reference[0].bias, reference[2].bias]
    others = torch.optim.AdamW(rest, lr=0.001, weight_decay=0.0)
    for _ in range(3):
        step(model, ours)
        step(reference, matrix, others)
    for mine, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_muon_continues_from_its_state() -> None:
    uninterrupted, first = network(), network()
    ours, before = (muon([{"params": list(model.parameters())}], **MUON) for model in (uninterrupted, first))
    for _ in range(4):
        step(uninterrupted, ours)
    for _ in range(2):
        step(first, before)
    second = copy.deepcopy(first)
    after = muon([{"params": list(second.parameters())}], **MUON)
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    for _ in range(2):
        step(second, after)
    for mine, theirs in zip(second.parameters(), uninterrupted.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


def test_muon_uses_a_learning_rate_set_after_its_state_was_loaded() -> None:
    model = network()
    optimizer = muon([{"params": list(model.parameters())}], **MUON)
    step(model, optimizer)
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = copy.deepcopy(model.state_dict())
    step(model, optimizer)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("matrices_only", [True, False])
def test_weight_decay_can_skip_biases_and_normalisation(matrices_only: bool) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    task = SupervisedTask(model, nn.MSELoss(), DataSpec("dense", (3,), "regression", 4))
    arguments = {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.5}
    config = SimpleNamespace(
        optimizer=SimpleNamespace(name="adamw", arguments=arguments),
        device_settings=SimpleNamespace(compile=False),
        optimizer_settings=SimpleNamespace(decay_matrices_only=matrices_only),
    )
    catalog = SimpleNamespace(load=lambda group, name: {"optimizer/adamw": adamw}[f"{group}/{name}"])
    optimizer = build_optimizers(task, config, catalog)["model"]  # type: ignore[arg-type]
    decays = {id(parameter): group["weight_decay"] for group in optimizer.param_groups for parameter in group["params"]}
    assert [decays[id(parameter)] for parameter in model.parameters()] == [0.5, *([0.0 if matrices_only else 0.5] * 3)]
    assert all(group["initial_lr"] == 0.1 for group in optimizer.param_groups)
