"""dlrun.runs.sweeps.driver: every point has a row, points can be stopped, and a signal ends the sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import Plan, plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import DivergedError, Interrupted
from dlrun.runs.sweeps.driver import Driver
from dlrun.runs.sweeps.engines.in_process import InProcess
from dlrun.runs.sweeps.jobs import Channel, Ended, Event, Job, Measured, RunJob, Started, Submitted
from dlrun.runs.sweeps.places import NewPlaces, Placed
from dlrun.runs.sweeps.rows import SweepRow, read_rows, row_of_error
from dlrun.runs.sweeps.search.grid import Grid
from dlrun.runs.sweeps.search.search import Known


def plans(*words: str) -> list[Plan]:
    catalog = Catalog()
    return plan_runs(parse_overrides(words, catalog, multirun=True), catalog)


def completed(job: Job) -> SweepRow:
    (point,) = job.points
    best = {"metric": "val/loss", "value": 0.25, "epoch": 1, "step": 4}
    return SweepRow(point.number, point.overrides, "completed", {"test/loss": 0.25}, best, 1.5, str(point.folder))


def drive(found: list[Plan], run_job: RunJob, folder: Path, events: list[Event] | None = None) -> list[SweepRow]:
    watched = [] if events is None else events
    return Driver(Grid(found), InProcess(run_job), folder, watch=watched.append).run()


def test_each_point_adds_a_row_and_an_error_stops_no_other_point(tmp_path: Path) -> None:
    errors = {"seed=1": DivergedError("The loss is not finite."), "seed=2": ZeroDivisionError("a bug")}

    def run_job(job: Job, channel: Channel) -> None:
        (point,) = job.points
        channel.report(Started(point.number))
        error = errors.get(point.plan.label)
        row = completed(job) if error is None else row_of_error(point.number, point.overrides, error, point.folder)
        channel.report(Ended(row))

    events: list[Event] = []
    rows = drive(plans("seed=0,1,2,3"), run_job, tmp_path, events)
    assert rows == read_rows(tmp_path / "sweep.jsonl")
    assert [(row.point, row.overrides, row.status, row.exit_code, row.error) for row in rows] == [
        (0, ["seed=0"], "completed", 0, None),
        (1, ["seed=1"], "diverged", 4, "The loss is not finite."),
        (2, ["seed=2"], "failed", 1, "ZeroDivisionError: a bug"),
        (3, ["seed=3"], "completed", 0, None),
    ]
    assert rows[0].run_dir == str(tmp_path / "0")
    assert [type(event) for event in events] == [Submitted, Started, Ended] * 4


def test_a_signal_ends_the_sweep_after_the_current_point(tmp_path: Path) -> None:
    def run_job(job: Job, channel: Channel) -> None:
        (point,) = job.points
        if point.number != 1:
            channel.report(Ended(completed(job)))
            return
        error = Interrupted(15, "Stopped at step 4 of epoch 2; everything is saved.")
        channel.report(Ended(row_of_error(1, point.overrides, error, point.folder)))
        raise error

    with pytest.raises(Interrupted, match="The sweep was stopped after 1 of 3 points; their results are in") as caught:
        drive(plans("seed=0,1,2"), run_job, tmp_path)
    assert caught.value.exit_code == 143
    assert [row.status for row in read_rows(tmp_path / "sweep.jsonl")] == ["completed", "interrupted"]


class StopsTheSecond(Grid):
    def observe(self, point: int, measured: Measured) -> str | None:
        return "hopeless" if point == 1 else None


def test_a_point_that_the_search_stops_is_pruned_with_its_reason(tmp_path: Path) -> None:
    def run_job(job: Job, channel: Channel) -> None:
        (point,) = job.points
        channel.report(Measured(point.number, epoch=1, step=4, seconds=0.5, metrics={"val/loss": 2.0}))
        stopped = Interrupted(15, "Stopped at step 4.")
        row = row_of_error(1, point.overrides, stopped, point.folder) if point.number else completed(job)
        channel.report(Ended(row))

    engine = InProcess(run_job)
    rows = Driver(StopsTheSecond(plans("seed=0,1")), engine, tmp_path, watch=lambda event: None).run()
    assert [(row.status, row.error, row.exit_code) for row in rows] == [
        ("completed", None, 0),
        ("pruned", "hopeless", 0),
    ]
    assert engine.stop_reason(1) == "hopeless"
    assert engine.stop_reason(0) is None


class TwoAtOnce:
    """An engine that holds two points and ends them in the order of their numbers, as `statuses` says."""

    capacity = 2

    def __init__(self, statuses: dict[int, str]) -> None:
        self._statuses, self._jobs = statuses, list[Job]()
        self.is_started = False
        self.stopped: dict[int, str] = {}

    def __enter__(self) -> TwoAtOnce:
        self.is_started = True
        return self

    def __exit__(self, *error: object) -> None:
        self._jobs.clear()

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def events(self, timeout_s: float | None = None) -> list[Event]:
        (point,) = self._jobs.pop(0).points
        status = "interrupted" if point.number in self.stopped else self._statuses.get(point.number, "completed")
        code = {"failed": 2, "diverged": 4, "interrupted": 143}.get(status, 0)
        return [Ended(SweepRow(point.number, point.overrides, status, error="why", exit_code=code))]

    def stop_point(self, point: int, reason: str) -> None:
        self.stopped[point] = reason


def test_fail_fast_stops_at_the_first_that_fails_and_saves_those_that_run(tmp_path: Path) -> None:
    engine = TwoAtOnce({1: "diverged", 2: "failed"})
    driver = Driver(Grid(plans("seed=0,1,2,3,4")), engine, tmp_path, watch=lambda event: None, fail_fast=True)
    rows = driver.run()
    reason = "Stopped by launch.fail_fast: point 1 diverged."
    assert [(row.point, row.status, row.error, row.exit_code) for row in rows] == [
        (0, "completed", "why", 0),
        (1, "diverged", "why", 4),
        (2, "interrupted", reason, 0),
    ]
    assert driver.failed == rows[1]
    assert engine.stopped == {2: reason}


def test_without_fail_fast_every_point_is_trained(tmp_path: Path) -> None:
    driver = Driver(Grid(plans("seed=0,1,2")), TwoAtOnce({0: "failed"}), tmp_path, watch=lambda event: None)
    assert [row.status for row in driver.run()] == ["failed", "completed", "completed"]
    assert driver.failed is not None
    assert driver.failed.point == 0


class AllDone(NewPlaces):
    """Places of points that are all done."""

    def place(self, plan: Plan) -> Placed:
        point = super().place(plan).point
        return Placed(point, SweepRow(point.number, point.overrides, "completed"))


class Noting(Grid):
    """A search that notes what it is told, and when it is asked."""

    def __init__(self, found: list[Plan]) -> None:
        super().__init__(found)
        self.happened: list[str] = []

    def recall(self, known: Sequence[Known]) -> None:
        self.happened.append(f"recall {len(known)}")

    def next(self) -> Plan | None:
        plan = super().next()
        self.happened.append("next" if plan is not None else "no more")
        return plan

    def tell(self, row: SweepRow) -> None:
        self.happened.append(f"tell {row.point}")


def test_rows_of_points_that_are_done_are_told_at_once_and_no_engine_is_started(tmp_path: Path) -> None:
    search, engine, events = Noting(plans("seed=0,1")), TwoAtOnce({}), list[Event]()
    rows = Driver(search, engine, AllDone(tmp_path), watch=events.append).run()
    assert [row.point for row in rows] == [0, 1]
    assert search.happened == ["recall 0", "next", "tell 0", "next", "tell 1", "no more", *search.happened[6:]]
    assert events == [Ended(row) for row in rows]
    assert not engine.is_started
