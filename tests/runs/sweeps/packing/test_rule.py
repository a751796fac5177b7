"""`launch.pack=auto` packs what was measured to win."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.optim.device import Device
from dlrun.runs.sweeps.packing.rule import no_gain
from dlrun.training.build import Components, build_components


@pytest.fixture
def components() -> Components:
    catalog = Catalog()
    words = ["dataset=iris", "model=mlp", "trainer.batch_size=32", "device=cpu", "device.threads=1"]
    (plan,) = plan_runs(parse_overrides(words, catalog), catalog)
    return build_components(compose(plan, catalog).config, catalog)


@pytest.mark.parametrize(
    ("weights", "why"),
    [
        (118_282, None),  # the network of MNIST
        (250_000, None),
        (250_001, "launch.pack=auto packs models of up to 250,000 weights, these have 250,001"),
    ],
)
def test_small_models_are_packed(components: Components, weights: int, why: str | None) -> None:
    assert no_gain(dataclasses.replace(components, num_parameters=weights)) == why


def test_steps_that_are_arithmetic_alone_are_not(components: Components) -> None:
    config = components.config
    large = dataclasses.replace(config, trainer=dataclasses.replace(config.trainer, batch_size=500))
    found = dataclasses.replace(components, config=large, num_parameters=40_000)
    assert no_gain(dataclasses.replace(found, num_parameters=32_000)) is None
    assert no_gain(found) == "launch.pack=auto packs small steps; these are of 40,000 weights and 500 rows"


def test_a_gpu_is_left_to_the_user(components: Components) -> None:
    found = dataclasses.replace(components, device=Device(torch.device("cuda"), "fp32", 1))
    assert no_gain(found) == "launch.pack=auto packs on the CPU, where it was measured"
