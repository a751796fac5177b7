"""The bytes of optimizer states, held against those after a real step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import builtin_names
from dlrun.training.build import build_components, build_optimizers
from dlrun.training.memory_check import on_meta
from dlrun.training.optimizer_states import state_bytes
from tests.harness import CPU, configure

OPTIMIZERS = (
    *((f"optimizer={name}",) for name in builtin_names("optimizer")),
    ("optimizer=sgd", "optimizer.momentum=0.9"),
    ("optimizer=sgd", "optimizer.momentum=0"),
    ("optimizer=rmsprop", "optimizer.momentum=0.9"),
    ("optimizer=rmsprop", "optimizer.centered=true"),
    ("optimizer=adamw", "optimizer.decay_matrices_only=true"),
)


def after_a_step(optimizers: dict[str, torch.optim.Optimizer]) -> int:
    """Return the bytes of the states after one step, without the counters of steps."""
    total = 0
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        for state in optimizer.state.values():
            tensors = [each for each in state.values() if isinstance(each, torch.Tensor) and each.ndim]
            total += sum(each.numel() * each.element_size() for each in tensors)
    return total


@pytest.mark.parametrize("words", OPTIMIZERS, ids=" ".join)
@pytest.mark.parametrize("model", ["model=cnn", "model=gan"])
def test_the_table_agrees_with_the_states_after_a_step(words: tuple[str, ...], model: str) -> None:
    catalog = Catalog()
    components = build_components(configure("dataset=digits", model, *words, *CPU), catalog)
    config, task = components.config, components.task
    counted = state_bytes(task, lambda each: build_optimizers(each, config, catalog))
    assert counted == components.memory.states
    assert counted == after_a_step(build_optimizers(task, config, catalog))


PLUGIN = """import torch

class Two(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["half"] = torch.zeros_like(p, dtype=torch.float16)
                state["full"] = torch.zeros_like(p)

def two(parameters, *, lr: float = 0.1, weight_decay: float = 0.0):
    return Two(parameters, lr)
"""


def test_an_optimizer_of_the_users_own_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "two.py"
    path.write_text(PLUGIN)
    words = ("dataset=digits", "model=mlp", "model.hidden=[8]", "optimizer=two", *CPU)
    components = build_components(configure(*words, plugins=(path,)), Catalog(plugins=(path,)))
    assert components.num_parameters == 64 * 8 + 8 + 8 * 10 + 10
    assert components.memory.states == components.num_parameters * (2 + 4)


def test_parameters_that_do_not_train_have_no_state() -> None:
    catalog = Catalog()
    config = configure("dataset=iris", "model=mlp", "model.hidden=[8]", "optimizer=adam", *CPU)
    components = build_components(config, catalog)
    task, config = components.task, components.config
    first = next(module for module in task.modules() if isinstance(module, nn.Linear))
    first.weight.requires_grad_(False)
    left = components.num_parameters - 4 * 8
    assert state_bytes(task, lambda each: build_optimizers(each, config, catalog)) == left * 8
    assert on_meta(lambda: task) is task
