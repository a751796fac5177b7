"""What is told without a second process; what `auto` chooses is in test_sharded_state.py."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dlrun.errors import ConfigError
from dlrun.optim.distributed.group import Group
from dlrun.training.strategy import Strategy, choose_strategy, take_turns
from tests.harness import configure


@dataclass
class Unweighed:
    """Stands for a Fitting whose model `meta` cannot weigh."""

    is_sharded: bool = False

    def weigh(self, config: object) -> None:
        return None


def choose(*words: str, processes: int) -> Strategy:
    config = configure("dataset=iris", "model=mlp", *words)
    return choose_strategy(config, Unweighed(), Group(0, processes))  # type: ignore[arg-type]


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


def test_turns_are_as_many_as_there_are_processes_on_a_machine() -> None:
    assert take_turns(Group(0, 1, 0, 1)) == [True]
    assert take_turns(Group(0, 1, 1, 3)) == [False, True, False]
