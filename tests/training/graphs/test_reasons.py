"""dlrun.training.graphs.reasons: which steps are captured, and the reason against every other one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.optim.device import Device
from dlrun.optim.distributed.group import Group
from dlrun.runs.run import build_state
from dlrun.training.build import Components, build_components
from dlrun.training.graphs.reasons import reason_against
from dlrun.training.state import TrainingState
from tests.harness import SMALL, configure

TEXTS = ("dataset=text", "dataset.path=example:reviews.csv", "dataset.limit=40", "model=rnn", *SMALL[3:])
OWN = """from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        return self.out(x)

def {name}(spec):
    return {made}
"""


def on_a_gpu(*words: str, plugins: tuple[Path, ...] = ()) -> tuple[RunConfig, Components, TrainingState]:
    """Return a run built on the CPU whose device says that it is a GPU: nothing is computed."""
    catalog = Catalog(plugins=plugins)
    components = build_components(configure(*words, plugins=plugins), catalog)
    device = Device(torch.device("cuda"), components.device.precision, 1)
    state = build_state(components.config, catalog, components)
    return components.config, dataclasses.replace(components, device=device), state


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), None),
        (("optimizer=adamw", "device.precision=bf16", "trainer.clip_norm=1", "trainer.ema=0.9"), None),
        (("optimizer=sgd", "optimizer.momentum=0.9", "scheduler=cosine", "device.graphs=on"), None),
        (("device.graphs=off",), "device.graphs=off"),
        (("device.graphs=on", "trainer.accumulate=2"), "trainer.accumulate=2 takes several passes for a step"),
        (
            ("optimizer=muon",),
            "optimizer=muon computes part of its step in Python; adam, adamw and sgd do not",
        ),
    ],
)
def test_the_reasons(words: tuple[str, ...], expected: str | None) -> None:
    assert reason_against(*on_a_gpu(*SMALL, *words), steps=200) == expected


def test_reasons_of_the_device(tmp_path: Path) -> None:
    config, components, state = on_a_gpu(*SMALL, "device.graphs=on")
    assert reason_against(config, components, state, steps=1) is None  # `on` captures short runs too
    shared = dataclasses.replace(components, device=dataclasses.replace(components.device, group=Group(0, 2)))
    assert reason_against(config, shared, state, steps=1) == "2 processes exchange gradients within a step"
    cpu = dataclasses.replace(components, device=Device(torch.device("cpu"), "fp32", 1))
    told = reason_against(config, cpu, state, steps=1)
    assert told == "graphs are of CUDA, and this run trains on cpu"
    settings = dataclasses.replace(config.device_settings, compile=True)
    told = reason_against(dataclasses.replace(config, device_settings=settings), components, state, steps=1)
    assert told == "device.compile=true changes the step itself"


def test_texts_of_different_lengths_are_not_captured() -> None:
    assert reason_against(*on_a_gpu(*TEXTS, "device.graphs=on"), steps=500) == "its batches differ in length"


def test_auto_captures_small_models_whose_code_is_known(tmp_path: Path) -> None:
    config, components, state = on_a_gpu(*SMALL)
    assert reason_against(config, components, state, steps=100) is None
    few = reason_against(config, components, state, steps=99)
    assert few == "its 99 steps would not win back the time that capturing takes"
    large = dataclasses.replace(components, num_parameters=10_000_001)
    told = reason_against(config, large, state, steps=200)
    assert told == "its 10,000,001 weights keep the GPU busy without one"


def test_auto_leaves_code_of_the_users_own_alone(tmp_path: Path) -> None:
    found = {}
    for name, made in (("first", "Net()"), ("second", "nn.Linear(4, 3)")):
        path = tmp_path / f"{name}.py"
        path.write_text(OWN.format(name=name, made=made))
        words = (*SMALL[:1], f"model={name}", *SMALL[3:])
        found[made] = reason_against(*on_a_gpu(*words, plugins=(path,)), steps=200)
        allowed = reason_against(*on_a_gpu(*words, "device.graphs=on", plugins=(path,)), steps=200)
        assert allowed is None
    assert found == {
        "Net()": "Net is code of your own, and a graph would repeat what its Python decided once; device.graphs=on "
        "captures it all the same",
        "nn.Linear(4, 3)": None,
    }
