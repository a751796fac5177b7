"""Threads and processes far beyond the machine's cores are refused; a few more are said to be slow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration import machine

Dlrun = Callable[..., tuple[int, str, str]]


def tree(
    threads: int | str | None, workers: int, processes: int | str = 1, batch_size: int | str = "auto"
) -> dict[str, Any]:
    return {
        "device": {"threads": threads, "processes": processes},
        "trainer": {"workers": workers, "batch_size": batch_size},
    }


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 2)


@pytest.mark.usefixtures("two_cores")
def test_sixteen_for_each_core_are_the_most() -> None:
    assert machine.find_excesses(tree(32, 32)) == []
    assert machine.find_excesses(tree(None, 0)) == machine.find_excesses(tree("auto", 0)) == []
    threads, workers = machine.find_excesses(tree(33, 64))
    assert str(threads) == (
        "device.threads=33\n      This machine has 2 cores: expected at most 32 (16 per core); auto chooses."
    )
    assert str(workers) == (
        "trainer.workers=64\n      This machine has 2 cores: expected at most 32 (16 per core); 0 loads without any."
    )
    assert (threads.fix, workers.fix) == ("device.threads=auto", "trainer.workers=0")


@pytest.mark.usefixtures("two_cores")
def test_so_many_processes_are_the_most_too() -> None:
    assert machine.find_excesses(tree(1, 0, 32)) == machine.find_excesses(tree(1, 0, "auto")) == []
    (processes,) = machine.find_excesses(tree(1, 0, 33))
    assert str(processes) == (
        "device.processes=33\n"
        "      This machine has 2 cores: expected at most 32 (16 per core); 1 trains in one process."
    )
    assert processes.fix == "device.processes=1"


def test_a_batch_has_a_row_for_each_process() -> None:
    for fits in (tree(1, 0, 4, 4), tree(1, 0, "auto", 1), tree(1, 0, 4, "auto"), tree(1, 0, 1, 1)):
        assert machine.find_too_small_batches(fits) == []
    (problem,) = machine.find_too_small_batches(tree(1, 0, 4, 3))
    assert str(problem) == (
        "trainer.batch_size=3\n"
        "      4 processes share each batch (device.processes), so some would have no row: expected at least 4."
    )
    assert problem.fix == "trainer.batch_size=4"


@pytest.mark.usefixtures("two_cores")
def test_more_threads_than_cores_are_a_notice() -> None:
    assert machine.notices(tree(2, 0)) == machine.notices(tree(None, 0)) == machine.notices(tree("auto", 0)) == ()
    assert machine.notices(tree(3, 0)) == (
        "device.threads=3, and this machine has 2 cores: threads wait for each other; device.threads=auto is faster.",
    )


@pytest.mark.usefixtures("two_cores")
def test_a_command_refuses_them_before_anything_starts(dlrun: Dlrun) -> None:
    code, _, err = dlrun("dataset=iris", "device.threads=1000")
    assert code == 2
    assert "device.threads=1000\n      This machine has 2 cores" in err
    code, _, err = dlrun("dataset=iris", "device.threads=1000000")
    assert code == 2
    assert "Expected a whole number from 1 to 1024, auto or null, got 1000000." in err


def test_the_machine_has_a_core() -> None:
    assert machine.cores() >= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("250000 100000", 3), ("50000 100000", 1), ("9900000 100000", 8)],
)
def test_a_container_may_use_fewer_cores_than_the_machine_has(
    text: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "_CPU_MAX", tmp_path / "cpu.max")
    assert machine.cores() == 8
    (tmp_path / "cpu.max").write_text(f"{text}\n")
    assert machine.cores() == expected
