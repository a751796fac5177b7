"""What building needs no second process for; whole sharded runs are in test_state.py."""

from __future__ import annotations

from dlrun.optim.distributed.group import Group
from dlrun.training.sharded.build import own_rounds


def test_turns_are_as_many_as_there_are_processes_on_a_machine() -> None:
    assert own_rounds(Group(0, 1, 0, 1)) == [True]
    assert own_rounds(Group(0, 1, 1, 3)) == [False, True, False]
