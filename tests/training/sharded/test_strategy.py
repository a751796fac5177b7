"""What is told without a second process; what `auto` chooses is in test_state.py."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dlrun.errors import ConfigError
from dlrun.optim.distributed.group import Group
from dlrun.training.sharded.strategy import Strategy, choose_strategy
from tests.harness import configure


@dataclass
class Unknown:
    """Stands for a MemoryCheck of a model that cannot be built on `meta`."""

    is_sharded: bool = False

    def estimate(self, config: object) -> None:
        return None


def choose(*words: str, processes: int) -> Strategy:
    config = configure("dataset=iris", "model=mlp", *words)
    return choose_strategy(config, Unknown(), Group(0, processes))  # type: ignore[arg-type]


def test_a_process_alone_has_all_of_the_model() -> None:
    assert choose("device.strategy=fsdp", "optimizer=muon", processes=1) == Strategy()


def test_two_processes_have_all_of_it_or_a_part_as_they_are_told() -> None:
    assert choose("device.strategy=ddp", processes=2) == Strategy()
    told = Strategy(True, ("Each of 2 processes holds a part of the model.",))
    assert choose("device.strategy=fsdp", processes=2) == told


def test_an_optimizer_that_needs_whole_weights_is_refused() -> None:
    with pytest.raises(ConfigError, match="Muon makes each gradient matrix orthogonal and needs all of it") as caught:
        choose("device.strategy=fsdp", "optimizer=muon", processes=2)
    assert caught.value.problems[0].fix == "device.strategy=ddp"
    assert choose("device.strategy=ddp", "optimizer=muon", processes=2) == Strategy()
