from __future__ import annotations

from dataclasses import replace

import pytest
from torch import nn

from dlrun.data.spec import DataSpec
from dlrun.optim.distributed.group import Group
from dlrun.tasks.task import SupervisedTask
from dlrun.training.memory import LargestLayer, Memory
from dlrun.training.process_memory import builds_in_turns, with_part, with_whole_model

ALONE = Memory(
    weights=1000,
    gradients=1000,
    states=2000,
    average=0,
    checkpoint=8000,
    data=0,
    free=40_000,
    free_on_host=40_000,
    is_on_cpu=True,
    num_weights=250,
    largest=LargestLayer("0", 100),
)
PAIR = Group(0, 2, 0, 2)


def task() -> SupervisedTask:
    """A task of 2 layers of 100 and 150 weights, of 4 bytes each."""
    model = nn.Sequential(nn.Linear(10, 10, bias=False), nn.Linear(10, 15, bias=False))
    return SupervisedTask(model, nn.MSELoss(), DataSpec(kind="dense", shape=(10,), goal="regression", num_outputs=15))


def test_a_process_alone_needs_what_it_needs() -> None:
    assert with_whole_model(ALONE, Group()) is ALONE


def test_two_processes_share_a_machine_and_each_has_its_gradients_twice() -> None:
    found = with_whole_model(ALONE, PAIR)
    assert (found.free, found.checkpoint, found.gradients, found.weights) == (20_000, 4000, 2000, 1000)
    assert found.needed == max(1000 + 2000 + 1000 + 2000, 1000 + 2000 + 4000)


def test_a_gpu_belongs_to_one_process() -> None:
    found = with_whole_model(replace(ALONE, is_on_cpu=False), PAIR)
    assert (found.free, found.checkpoint) == (40_000, 8000)


def test_a_part_is_half_of_everything_but_the_block_that_runs() -> None:
    found = with_part(ALONE, task(), PAIR)
    assert (found.weights, found.gradients, found.states) == (500, 500, 1000)
    assert found.gathered == 2 * 600
    assert found.built == 1000
    assert found.needed == 500 + 1000 + 1200 + 500


def test_a_model_that_cannot_be_built_whole_does_not_fit() -> None:
    found = with_part(ALONE, task(), PAIR)
    assert found.fits
    assert not replace(found, built=40_001).fits


@pytest.mark.parametrize(("free", "expected"), [(4000, False), (3999, True)])
def test_models_are_built_in_turns_if_all_need_more_than_half_of_the_memory(free: int, *, expected: bool) -> None:
    memory = replace(with_part(ALONE, task(), PAIR), free_on_host=free)
    alone = Group(0, 1, 0, 2)  # whose calls return at once
    assert builds_in_turns(memory, alone) is expected
