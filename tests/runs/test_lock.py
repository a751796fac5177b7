"""The lock: what of a result it has, and what differs from it."""

from __future__ import annotations

from dlrun.runs.lock import common_lock, describe, differences, lock_of

RESULT = {
    "environment": {
        "torch": "2.13.0", "device": "cpu", "threads": 2, "packages": {"numpy": "2.4.6"}, "other": 1, "compile": False,
    },
    "auto": {"trainer.epochs": 30, "checkpoint.every_epochs": 1},
}  # fmt: skip


def test_it_has_the_environment_and_what_rules_decided() -> None:
    assert lock_of(RESULT) == {
        "torch": "2.13.0", "packages": {"numpy": "2.4.6"}, "device": "cpu", "threads": 2, "compile": False,
        "auto": {"trainer.epochs": 30},
    }  # fmt: skip
    assert lock_of({}) == {}


def test_runs_on_several_machines_have_a_lock_of_what_is_the_same() -> None:
    other = {**RESULT, "environment": {**RESULT["environment"], "threads": 1, "processor": "P"}}
    found = {name: value for name, value in lock_of(RESULT).items() if name != "threads"}
    assert common_lock([RESULT, other]) == common_lock([other, RESULT]) == found


def test_every_part_that_is_named_is_compared() -> None:
    lock = lock_of(RESULT)
    assert differences(lock, lock) == {}
    here = {**lock, "threads": 1, "packages": {}, "auto": {"trainer.epochs": 10}, "accelerator": "not in the lock"}
    found = differences(lock, here)
    assert found == {"threads": [2, 1], "packages.numpy": ["2.4.6", None], "auto.trainer.epochs": [30, 10]}
    assert describe(found) == "packages.numpy 2.4.6 → none, threads 2 → 1, auto.trainer.epochs 30 → 10"


def test_a_process_alone_has_all_of_the_model_as_each_of_several_has() -> None:
    alone, several = {"processes": 1, "strategy": "auto"}, {"processes": 2, "strategy": "ddp"}
    assert differences(alone, several) == {"processes": [1, 2]}
    assert differences(several, alone) == {"processes": [2, 1]}
    assert differences(alone, {"processes": 2, "strategy": "fsdp"}) == {
        "processes": [1, 2],
        "strategy": ["ddp", "fsdp"],
    }
