"""dlrun.runs.sweeps.engines.local.engine: points at the same time, and every way in which their processes may end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dlrun.errors import DlrunError, Interrupted
from dlrun.runs.sweeps.engines.local import processes
from dlrun.runs.sweeps.engines.local.capacity import Places
from dlrun.runs.sweeps.engines.local.engine import Local
from dlrun.runs.sweeps.jobs import Ended, Event, Started
from dlrun.runs.sweeps.rows import SweepRow
from tests.processes import is_running, wait_until_none
from tests.runs.sweeps.engines.local.actors import Actor, job

STARTED = processes.start_nursery  # noted before any test runs: `quick_sweeps` of tests/conftest.py replaces it


@pytest.fixture(autouse=True)
def started_as_by_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "start_nursery", STARTED)


def engine(folder: Path, *, devices: Sequence[str | None] = (None, None), fails: bool = False) -> Local:
    return Local(Actor(folder / "notes", fails), lambda num_cuda: Places(devices, threads=3, by_memory=False))


def run(
    local: Local, folder: Path, acts: Sequence[str], on_event: Callable[[Event], None] | None = None
) -> list[SweepRow]:
    """Run points as the driver does; return their rows by number. The engine is entered already."""
    rows: dict[int, SweepRow] = {}
    asked = running = 0
    while asked < len(acts) or running:
        while asked < len(acts) and running < local.capacity:
            local.submit(job(folder, asked, acts[asked]))
            asked, running = asked + 1, running + 1
        for event in local.events():
            if on_event is not None:
                on_event(event)
            if isinstance(event, Ended):
                assert event.row.point not in rows
                rows[event.row.point] = event.row
                running -= 1
    return [rows[number] for number in sorted(rows)]


def test_points_run_at_the_same_time_each_in_a_process_of_its_own(own_folder: Path) -> None:
    events: list[Event] = []
    with engine(own_folder) as local:
        assert local.capacity == 2
        rows = run(local, own_folder, ["meets", "meets", "completes"], events.append)
    assert [row.status for row in rows] == ["completed"] * 3
    numbers, threads = zip(*(row.run_dir.split() for row in rows), strict=True)
    assert len({*numbers, str(os.getpid())}) == 4
    assert set(threads) == {"3"}
    assert [event.where for event in events if isinstance(event, Started) and event.point == 0] == [
        f"process {numbers[0]}"
    ]


def processes_of(local: Local, folder: Path, acts: Sequence[str]) -> list[str]:
    events: list[Event] = []
    with local:
        assert [row.status for row in run(local, folder, acts, events.append)] == ["completed"] * len(acts)
    return [event.where for event in events if isinstance(event, Started)]


def test_points_with_the_same_data_that_take_a_moment_share_a_process(own_folder: Path) -> None:
    found = processes_of(engine(own_folder, devices=(None,)), own_folder, ["data_a"] * 3 + ["data_b", "data_a"])
    assert len(set(found[:3])) == 1
    assert len(set(found)) == 3  # one that waits with other data is not kept


def test_points_that_take_long_have_a_process_each(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_KEPT_S", 0.0)
    assert len(set(processes_of(engine(own_folder, devices=(None,)), own_folder, ["data_a"] * 3))) == 3


def test_a_death_takes_only_its_point_and_is_told_in_words(own_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with engine(own_folder) as local:
        rows = run(local, own_folder, ["is_killed", "crashes", "exits", "raises", "completes"])
    assert [(row.status, row.exit_code) for row in rows] == [("failed", 1)] * 4 + [("completed", 0)]
    errors = [row.error or "" for row in rows]
    assert errors[0] == "Its process was killed by signal 9 (SIGKILL), perhaps because memory ran out."
    assert errors[1].startswith(
        "Its process was killed by signal 11 (SIGSEGV). It printed last: Fatal Python error: Segm"
    )
    assert errors[2] == "Its process ended with exit code 7. It printed last: the last words"
    assert errors[3] == "ZeroDivisionError: a bug"
    assert [row.run_dir for row in rows[:2]] == [str(own_folder / "0_is_killed"), str(own_folder / "1_crashes")]
    assert capfd.readouterr() == ("", "")


def test_data_is_prepared_once_for_all_points_that_have_the_same(own_folder: Path) -> None:
    with engine(own_folder) as local:
        rows = run(local, own_folder, ["data_a", "data_b", "data_a", "data_a", "data_b", "completes"])
    assert [row.status for row in rows] == ["completed"] * 6
    assert sorted(line.split()[0] for line in (own_folder / "notes").read_text().splitlines()) == ["data_a", "data_b"]


def test_a_process_that_dies_loading_data_takes_only_the_points_that_wait_for_it(own_folder: Path) -> None:
    with engine(own_folder) as local:
        rows = run(local, own_folder, ["data_killed", "completes", "data_a"])
    assert [row.status for row in rows] == ["failed", "completed", "completed"]
    expected = "The process that loads its data was killed by signal 9 (SIGKILL), perhaps because memory ran out."
    assert rows[0].error == expected


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_every_point_save_and_ends_the_sweep(own_folder: Path, number: int, code: int) -> None:
    rows: list[SweepRow] = []
    started: set[int] = set()

    def note(event: Event) -> None:
        if isinstance(event, Ended):
            rows.append(event.row)
        if isinstance(event, Started):
            started.add(event.point)
            if len(started) == 2:
                os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with engine(own_folder) as local, pytest.raises(Interrupted) as caught:
        run(local, own_folder, ["waits", "waits", "completes"], note)
    assert caught.value.exit_code == code
    assert [(row.status, row.exit_code) for row in rows] == [("interrupted", code)] * 2
    assert signal.getsignal(number) is before


def test_a_point_whose_data_is_being_loaded_does_not_hold_up_a_signal(own_folder: Path) -> None:
    began = time.monotonic()
    with engine(own_folder) as local:
        local.submit(job(own_folder, 0, "data_slow"))
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        with pytest.raises(Interrupted):
            local.events()
    assert time.monotonic() - began < 10


def test_the_sweep_can_stop_one_point(own_folder: Path) -> None:
    with engine(own_folder) as local:
        rows = run(
            local,
            own_folder,
            ["waits", "completes", "completes"],
            lambda event: (
                local.stop_point(0, "hopeless") if isinstance(event, Ended) and event.row.point == 2 else None
            ),
        )
    assert [row.status for row in rows] == ["interrupted", "completed", "completed"]


def test_events_wait_no_longer_than_they_are_told(own_folder: Path) -> None:
    with engine(own_folder) as local:
        assert local.events() == []
        local.submit(job(own_folder, 0, "waits"))
        while not local.events(0.05):
            pass
        began = time.monotonic()
        assert local.events(0.05) == []
        assert 0.04 < time.monotonic() - began < 5


def test_leaving_the_engine_ends_every_process(own_folder: Path) -> None:
    processes: list[int] = []
    with engine(own_folder) as local:
        local.submit(job(own_folder, 0, "waits"))
        while not processes:
            processes += [int(event.where.split()[1]) for event in local.events() if isinstance(event, Started)]
        assert is_running(processes[0])
    assert wait_until_none(lambda: [each for each in processes if is_running(each)], patience_s=5) == []


def test_another_process_is_started_if_the_one_that_workers_come_from_is_killed(own_folder: Path) -> None:
    def kill(event: Event) -> None:
        if isinstance(event, Started) and event.point == 0:
            os.kill(local._fleet._roots[0]._process.pid, signal.SIGKILL)
        if isinstance(event, Ended) and event.row.point == 2:
            local.stop_point(0, "enough")

    with engine(own_folder) as local:
        rows = run(local, own_folder, ["waits", "completes", "completes"], kill)
    assert [row.status for row in rows] == ["interrupted", "completed", "completed"]


def test_a_process_that_cannot_import_torch_is_told(own_folder: Path) -> None:
    with engine(own_folder, fails=True) as local, pytest.raises(DlrunError) as caught:
        run(local, own_folder, ["completes"])
    text = str(caught.value)
    assert text.startswith("The process that imports torch for this sweep ended; launch.jobs=1 does without it.")
    assert text.endswith("ImportError: no module named torch")


def test_a_notice_of_many_points_is_shown_once(own_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with engine(own_folder) as local:
        run(local, own_folder, ["notice", "notice", "notice"])
        while local._fleet.workers:
            local.events(0.05)
            local._listen(0.05)
    assert capfd.readouterr().err == "notice: the same for all points\n"


def test_what_a_point_imported_is_there_for_the_next(own_folder: Path) -> None:
    with engine(own_folder, devices=[None]) as local:
        rows = run(local, own_folder, ["imports", "imports", "imports"])
    assert [row.error for row in rows][::2] == ["False", "True"]


def test_on_a_device_of_its_own_a_worker_trains_many_points(own_folder: Path) -> None:
    with engine(own_folder, devices=["xpu:0", "xpu:1"]) as local:
        rows = run(local, own_folder, ["completes"] * 6)
    processes = {row.run_dir.split()[0] for row in rows}
    assert len(processes) == 2
