"""dlrun.cli.ranks.number: how many processes a command starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dlrun.cli.ranks import number
from dlrun.cli.ranks.number import notices_of_number, processes_to_start
from dlrun.configuration.place import ALONE, Place
from tests.harness import configure

WORDS = ("dataset=iris", "model=linear")
LAUNCHED = Place(1, 4, 1, 4, "here:29500")


def test_it_starts_as_many_as_are_asked_for() -> None:
    assert processes_to_start(configure(*WORDS), ALONE) == 1
    assert processes_to_start(configure(*WORDS, "device.processes=3"), ALONE) == 3


def test_what_a_launcher_started_starts_no_more() -> None:
    assert processes_to_start(configure(*WORDS, "device.processes=3"), LAUNCHED) == 1
    only = Place(0, 1, 0, 1, "here:29500")
    assert processes_to_start(configure(*WORDS, "device.processes=3"), only) == 1


def test_auto_is_one_for_each_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert number._one_for_each_gpu("auto", tmp_path) == 1  # the system has no file of a GPU: torch is not asked
    (tmp_path / "nvidia0").touch()
    assert [number._one_for_each_gpu(name, tmp_path) for name in ("auto", "cuda", "cpu", "mps")] == [4, 4, 1, 1]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert number._one_for_each_gpu("auto", tmp_path) == 1
    assert processes_to_start(configure(*WORDS, "device=cpu", "device.processes=auto"), ALONE) == 1


def test_another_number_than_the_launchers_is_a_notice() -> None:
    asked = configure(*WORDS, "device.processes=2")
    assert notices_of_number(asked, LAUNCHED) == (
        "device.processes=2, but the launcher started 4: they train this run together.",
    )
    assert notices_of_number(asked, Place(0, 1, 0, 1, "here:29500")) == (
        "device.processes=2, but the launcher started 1: it trains this run alone.",
    )
    assert notices_of_number(asked, ALONE) == ()
    assert notices_of_number(asked, ALONE, trains_alone=True) == (
        "device.processes=2 is not needed to verify: one process trains it, and its config.yaml says 1.",
    )
    assert notices_of_number(configure(*WORDS), ALONE, trains_alone=True) == ()
    for words in ((), ("device.processes=4",), ("device.processes=auto",)):
        assert notices_of_number(configure(*WORDS, *words), LAUNCHED) == ()


def test_a_model_that_no_other_process_shares_is_a_notice() -> None:
    asked = configure(*WORDS, "device.strategy=fsdp")
    assert notices_of_number(asked, ALONE) == (
        "device.strategy=fsdp shares out a model among several processes, and this run has one, which has all of it; "
        "device.processes=N starts N.",
    )
    assert notices_of_number(asked, LAUNCHED) == ()


def test_tasks_of_slurm_that_each_train_alone_are_a_notice_of_the_first() -> None:
    config, of_slurm = configure(*WORDS), {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"}
    assert notices_of_number(config, ALONE, environment=of_slurm) == (
        "srun started 2 tasks of this command (SLURM_STEP_NUM_TASKS), and each trains a run of its own; to train one "
        "run together, let srun start torchrun in each (docs/distributed.md).",
    )
    assert notices_of_number(config, ALONE, environment={**of_slurm, "SLURM_PROCID": "1"}) == ()
    assert notices_of_number(config, ALONE, environment={**of_slurm, "SLURM_STEP_NUM_TASKS": "1"}) == ()
    assert notices_of_number(config, LAUNCHED, environment=of_slurm) == (), "torchrun brought them together"
