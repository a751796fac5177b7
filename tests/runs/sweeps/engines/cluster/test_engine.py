"""dlrun.runs.sweeps.engines.cluster.engine: lost points are run again, stopped ones are not, machines are looked at."""

from __future__ import annotations

import dataclasses
import os
import pickle
import platform
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dlrun.errors import ConfigError, Interrupted
from dlrun.runs.sweeps.driver import Driver
from dlrun.runs.sweeps.engines.cluster.engine import ClusterEngine
from dlrun.runs.sweeps.engines.cluster.file_channel import LineReader
from dlrun.runs.sweeps.engines.cluster.node_job import NodeJob
from dlrun.runs.sweeps.engines.cluster.probe import Findings, Probe, versions
from dlrun.runs.sweeps.jobs import Channel, Ended, Event, Job, Measured, Point, Started
from dlrun.runs.sweeps.rows import SweepRow, row_of_error
from dlrun.runs.sweeps.search.grid import Grid
from tests.runs.sweeps.engines.cluster.sweeps import StopsTheSecond, engine, plans

Script = Callable[[int, Job, Channel], None]


@dataclasses.dataclass
class FakeRun:
    """A run_job that follows a script, which is told how often the point has begun before."""

    script: Script
    begun: dict[int, int] = dataclasses.field(default_factory=dict)

    def __call__(self, job: Job, channel: Channel) -> None:
        for point in job.points:
            before = self.begun.get(point.number, 0)
            self.begun[point.number] = before + 1
            channel.report(Started(point.number))
            self.script(before, dataclasses.replace(job, points=(point,)), channel)


class FakeCluster:
    """A Backend that runs a job when it is looked at, in this process; a script may raise SystemExit: it is killed."""

    setting, threads, poll_s, late_s, grace_s = "launch.engine=fake", 3, 0.01, 0.05, 0.2

    def __init__(self, *, capacity: int = 1, findings: Sequence[Findings] = (), is_reached: bool = True) -> None:
        self.capacity, self._findings, self._is_reached = capacity, findings, is_reached
        self.submitted: list[NodeJob] = []
        self.cancelled: list[Any] = []
        self.closed = 0
        self._endings: dict[int, str] = {}

    def open(self, folder: Path) -> None:
        if not self._is_reached:
            raise ConfigError("There is no cluster.")
        assert folder.is_dir()

    def close(self) -> None:
        self.closed += 1

    def start_probes(self, probe: Probe) -> Sequence[Any]:
        return list(self._findings) or [probe()]

    def result(self, handle: Any) -> Findings:
        assert isinstance(handle, Findings)
        return handle

    def submit(self, jobs: Sequence[NodeJob]) -> Sequence[Any]:
        self.submitted += jobs
        return range(len(self.submitted) - len(jobs), len(self.submitted))

    def ending(self, handle: Any) -> str | None:
        if isinstance(handle, Findings):
            return "it ended"
        if handle not in self._endings and handle not in self.cancelled:
            self._endings[handle] = "NODE_FAIL"
            try:
                self.submitted[handle]("the fake")
            except SystemExit:
                return None  # the scheduler does not know yet
        return self._endings.get(handle)

    def cancel(self, handles: Sequence[Any]) -> None:
        self.cancelled += handles


def row(point: Point, status: str = "completed") -> SweepRow:
    return SweepRow(point.number, point.overrides, status, run_dir=str(point.folder))


def drive(
    backend: FakeCluster, folder: Path, script: Script, *words: str
) -> tuple[list[SweepRow], list[Event], FakeRun]:
    found, run, events = plans(*(words or ("seed=0,1",))), FakeRun(script), list[Event]()
    rows = Driver(Grid(found), engine(backend, folder, found, run), folder, watch=events.append).run()
    return rows, events, run


def test_a_point_whose_job_dies_twice_is_run_again_and_resumes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def script(before: int, job: Job, channel: Channel) -> None:
        (point,) = job.points
        channel.report(Measured(point.number, epoch=before + 1, step=4, seconds=0.5))
        if point.number == 1 and before < 2:
            raise SystemExit(137)
        channel.report(Ended(row(point)))

    backend = FakeCluster()
    rows, events, run = drive(backend, tmp_path / "s", script)
    assert [(each.point, each.status) for each in rows] == [(0, "completed"), (1, "completed")]
    assert run.begun == {0: 1, 1: 3}
    resume = [job.job.points[0].plan.values().get("resume") for job in backend.submitted]
    assert [None if value is None else value.value for value in resume] == [None, None, "auto", "auto"]
    assert [event.epoch for event in events if isinstance(event, Measured) and event.point == 1] == [1, 2, 3]
    assert capfd.readouterr().err.count("launch.engine=fake: point 1 is submitted again: NODE_FAIL") == 2
    assert {job.job.threads for job in backend.submitted} == {3}
    assert len({job.events for job in backend.submitted}) == 4  # a job that lives on writes where nobody reads


def test_a_point_that_never_gets_further_fails_with_its_reason(tmp_path: Path) -> None:
    def script(before: int, job: Job, channel: Channel) -> None:
        (point,) = job.points
        if point.number == 0:
            raise SystemExit(137)
        channel.report(Ended(row(point)))

    rows, _, run = drive(FakeCluster(), tmp_path / "s", script)
    assert run.begun == {0: 4, 1: 1}
    assert [(each.point, each.status, each.exit_code) for each in rows] == [(0, "failed", 1), (1, "completed", 0)]
    assert rows[0].error == "Its job ended early 4 times without progress. The last time: NODE_FAIL"
    assert rows[0].overrides == ["seed=0"]


def test_a_point_that_the_scheduler_stopped_is_submitted_again(tmp_path: Path) -> None:
    def script(before: int, job: Job, channel: Channel) -> None:
        (point,) = job.points
        if before == 0:
            error = Interrupted(15, "Stopped at step 4; everything is saved.")
            channel.report(Ended(row_of_error(point.number, point.overrides, error, point.folder)))
            raise error
        channel.report(Ended(row(point)))

    rows, _, run = drive(FakeCluster(), tmp_path / "s", script)
    assert run.begun == {0: 2, 1: 2}
    assert [each.status for each in rows] == ["completed", "completed"]


def test_only_the_points_of_a_job_that_did_not_end_are_run_again(tmp_path: Path) -> None:
    def script(before: int, job: Job, channel: Channel) -> None:
        (point,) = job.points
        if point.number == 1 and before == 0:
            raise SystemExit(137)
        channel.report(Ended(row(point)))

    found, run, backend = plans("seed=0,1,2"), FakeRun(script), FakeCluster()
    ended: list[int] = []
    with engine(backend, tmp_path / "s", found, run) as cluster:
        cluster.submit(Job(tuple(Point(i, plan, tmp_path / str(i)) for i, plan in enumerate(found)), threads=2))
        while len(ended) < 3:
            ended += [event.row.point for event in cluster.events() if isinstance(event, Ended)]
        assert cluster.events(timeout_s=0.05) == []
    assert ended == [0, 1, 2]
    assert run.begun == {0: 1, 1: 2, 2: 1}
    assert [job.job.threads for job in backend.submitted] == [2, 2]


def test_a_point_that_was_asked_to_stop_and_then_lost_is_not_run_again(tmp_path: Path) -> None:
    def script(before: int, job: Job, channel: Channel) -> None:
        (point,) = job.points
        channel.report(Measured(point.number, epoch=1, step=4, seconds=0.5))
        if point.number == 1:
            raise SystemExit(137)
        channel.report(Ended(row(point)))

    found, run = plans("seed=0,1"), FakeRun(script)
    cluster = engine(FakeCluster(), tmp_path / "s", found, run)
    rows = Driver(StopsTheSecond(found), cluster, tmp_path / "s", watch=lambda event: None).run()
    assert [(each.status, each.error) for each in rows] == [("completed", None), ("pruned", "hopeless")]
    assert run.begun == {0: 1, 1: 1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_every_job_and_each_point_has_a_row(tmp_path: Path, number: int) -> None:
    def script(before: int, job: Job, channel: Channel) -> None:
        (point,) = job.points
        if point.number == 0:
            raise SystemExit(137)
        error = Interrupted(15, "Stopped at step 4; everything is saved.")
        channel.report(Ended(row_of_error(point.number, point.overrides, error, point.folder)))

    def watch(event: Event) -> None:
        if event == Started(0, "", f"{platform.node()}, the fake"):
            os.kill(os.getpid(), number)

    backend, found = FakeCluster(capacity=2), plans("seed=0,1,2")
    before = signal.getsignal(number)
    cluster = engine(backend, tmp_path / "s", found, FakeRun(script))
    driver = Driver(Grid(found), cluster, tmp_path / "s", watch=watch)
    with pytest.raises(Interrupted, match="The sweep was stopped after 0 of 3 points") as caught:
        driver.run()
    assert caught.value.exit_code == 128 + number
    assert sorted((each.point, each.status, each.exit_code) for each in driver.rows) == [
        (0, "interrupted", 128 + number),
        (1, "interrupted", 128 + number),
    ]
    assert (backend.closed, signal.getsignal(number)) == (1, before)
    (orders,) = (tmp_path / "s").glob(".cluster/*/orders.jsonl")
    assert LineReader(orders).read()[0] == {"point": -1, "reason": "the sweep was stopped"}


def test_a_machine_that_lacks_something_ends_the_sweep_before_it_begins(tmp_path: Path) -> None:
    lacking = FakeCluster(findings=[Findings("node7", ("it lacks a disk.",), versions())])
    with pytest.raises(ConfigError, match="On node7:\n        it lacks a disk"):
        drive(lacking, tmp_path / "s", lambda before, job, channel: None)
    assert (lacking.submitted, lacking.closed) == ([], 1)
    assert not (tmp_path / "s").exists()


def test_a_cluster_that_cannot_be_reached_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no cluster"):
        drive(FakeCluster(is_reached=False), tmp_path / "s", lambda before, job, channel: None)
    assert not (tmp_path / "s").exists()


class Queued(FakeCluster):
    """A cluster whose machines are busy."""

    def ending(self, handle: Any) -> str | None:
        os.kill(os.getpid(), signal.SIGINT)
        return None


def test_ctrl_c_while_machines_are_busy_cancels_the_probe(tmp_path: Path) -> None:
    backend = Queued()
    with pytest.raises(Interrupted, match="The sweep was stopped after 0 of 2 points") as caught:
        drive(backend, tmp_path / "s", lambda before, job, channel: None)
    assert caught.value.exit_code == 130
    assert len(backend.cancelled) == 1


def test_the_engine_and_its_jobs_need_no_more_than_plain_data(tmp_path: Path) -> None:
    found = plans("seed=0,1")
    cluster = engine(FakeCluster(), tmp_path / "s", found)
    assert isinstance(cluster, ClusterEngine)
    backend = FakeCluster()
    with engine(backend, tmp_path / "s", found) as started:
        started.submit(Job((Point(0, found[0], tmp_path / "s/0"),)))
        started._submit_waiting()
    assert pickle.loads(pickle.dumps(backend.submitted[0])).job.points[0].plan == found[0]  # noqa: S301
