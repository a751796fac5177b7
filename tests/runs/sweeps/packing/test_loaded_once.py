"""The points of a pack load their data once, unless it depends on their seeds."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.optim.device import Device
from dlrun.runs.sweeps.packing.loaded_once import LoadedOnce

CPU = Device(torch.device("cpu"), "fp32", 1)


def config_of(seed: int) -> RunConfig:
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["dataset=iris"], catalog), catalog)
    return dataclasses.replace(compose(plan, catalog).config, seed=seed)


def loads_of(seeds: list[int], *, draws: bool) -> tuple[list[int], list[Any]]:
    """The seeds with which data was loaded, and the data of each call."""
    loaded: list[int] = []

    def load(config: RunConfig, catalog: Catalog, chosen: Device) -> Any:
        loaded.append(config.seed)
        if draws:
            torch.rand(1)
        return config, object(), {}

    once = LoadedOnce(load)
    return loaded, [once(config_of(seed), Catalog(), CPU)[1] for seed in seeds]


def test_data_is_loaded_by_the_first_point() -> None:
    loaded, found = loads_of([0, 1, 0], draws=False)
    assert loaded == [0]
    assert found[0] is found[1] is found[2]


def test_data_that_drew_random_numbers_is_shared_by_points_of_one_seed() -> None:
    loaded, found = loads_of([0, 1, 0], draws=True)
    assert loaded == [0, 1]
    assert found[0] is found[2]
    assert found[0] is not found[1]
