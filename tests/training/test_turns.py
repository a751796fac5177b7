"""dlrun.training.turns: a run that computes alone asks for long turns, and gives them back."""

from __future__ import annotations

import dataclasses
import os
import platform
import sys
from pathlib import Path

import pytest
import torch

from dlrun.optim.device import Device
from dlrun.training import turns
from dlrun.training.trainer import Outcome, Trainer
from tests.harness import CPU, SMALL, train

ALONE = Device(torch.device("cpu"), "fp32", 1)
asks = pytest.mark.skipif(turns.attributes() is None, reason="this kernel does not let a thread ask for its turns")


def now() -> tuple[int, int, int]:
    """How this thread is scheduled: policy, nice, nanoseconds of a turn."""
    found = turns.attributes()
    assert found is not None
    return found.policy, found.nice, found.runtime


@asks
def test_one_thread_on_the_processor_gets_long_turns_for_as_long_as_it_trains() -> None:
    before = now()
    with turns.long_turns(ALONE):
        assert now() == (os.SCHED_BATCH, before[1], turns.TURN_NS)
    assert now() == before
    with pytest.raises(ZeroDivisionError), turns.long_turns(ALONE):
        _ = 1 // 0  # a run that ends with an error
    assert now() == before


@asks
def test_a_run_trains_in_long_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, seen = Trainer.fit, []

    def watched(trainer: Trainer) -> Outcome:
        seen.append(now())
        return fit(trainer)

    monkeypatch.setattr(Trainer, "fit", watched)
    before = now()
    train(tmp_path / "run", *SMALL, *CPU, "trainer.max_steps=1")
    assert seen == [(os.SCHED_BATCH, before[1], turns.TURN_NS)]
    assert now() == before


@asks
@pytest.mark.parametrize("device", [dataclasses.replace(ALONE, threads=2), Device(torch.device("meta"), "fp32", 1)])
def test_threads_that_wait_for_each_other_and_other_devices_keep_theirs(device: Device) -> None:
    before = now()
    with turns.long_turns(device):
        assert now() == before


@asks
def test_a_policy_that_somebody_chose_stays() -> None:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        with turns.long_turns(ALONE):
            assert os.sched_getscheduler(0) == os.SCHED_IDLE
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("linux", "riscv64")])
def test_other_systems_are_left_alone(system: str, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert turns.attributes() is None
    with turns.long_turns(ALONE):
        assert turns.attributes() is None
