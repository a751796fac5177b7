"""dlrun.runs.sweeps.engines.cluster.node_job: what runs on a machine of the cluster."""

from __future__ import annotations

import fcntl
import os
import pickle
import platform
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.override_text import Value
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import Interrupted
from dlrun.runs.sweeps.engines.cluster.file_channel import LineReader, decode_event, order_stop
from dlrun.runs.sweeps.engines.cluster.node_job import NodeJob, resumed
from dlrun.runs.sweeps.jobs import Channel, Ended, Event, Job, Point, RunJob, Started
from dlrun.runs.sweeps.rows import SweepRow, row_of_error
from dlrun.training.signals import StopRequest
from tests.runs.sweeps.engines.cluster.sweeps import plans


def job(folder: Path, *words: str) -> Job:
    return Job(tuple(Point(i, plan, folder / str(i)) for i, plan in enumerate(plans(*(words or ("seed=0,1",))))))


def node_job(folder: Path, run_job: RunJob, **changes: object) -> NodeJob:
    values = {"cwd": folder, "events": folder / "events", "orders": folder / "orders", "job": job(folder), **changes}
    return NodeJob(run_job, **values)  # type: ignore[arg-type]


def events(folder: Path) -> list[Event]:
    return [decode_event(line) for line in LineReader(folder / "events").read()]


def completes(job: Job, channel: Channel) -> None:
    for point in job.points:
        channel.report(Started(point.number))
        channel.report(Ended(SweepRow(point.number, point.overrides, "completed", run_dir=os.getcwd())))


def test_it_runs_in_the_folder_of_the_sweep_and_tells_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    (tmp_path / "there").mkdir()
    pickle.loads(pickle.dumps(node_job(tmp_path, completes, cwd=tmp_path / "there")))()  # noqa: S301 - as a cluster does
    found = events(tmp_path)
    assert found[0] == Started(0, "", f"{platform.node()}, SLURM job 12")
    assert [each.row.run_dir for each in found if isinstance(each, Ended)] == [str(tmp_path / "there")] * 2


def test_points_that_were_stopped_while_the_job_waited_do_not_begin(tmp_path: Path) -> None:
    order_stop(tmp_path / "orders", "hopeless", point=0)
    node_job(tmp_path, completes)()
    assert [each.row.point for each in events(tmp_path) if isinstance(each, Ended)] == [1]


def test_a_job_of_a_sweep_that_was_stopped_does_nothing(tmp_path: Path) -> None:
    order_stop(tmp_path / "orders", "the sweep was stopped")
    node_job(tmp_path, completes)()
    assert events(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2, signal.SIGINT])
def test_a_signal_of_the_scheduler_stops_as_a_run_is_stopped(tmp_path: Path, number: int) -> None:
    def trains(job: Job, channel: Channel) -> None:
        (point,) = job.points[:1]
        with StopRequest() as stop:
            os.kill(os.getpid(), number)
            deadline = time.monotonic() + 5
            while not stop.pending and time.monotonic() < deadline:
                time.sleep(0.01)
        error = Interrupted(int(stop.signal or 0), "Stopped at step 4; everything is saved.")
        channel.report(Ended(row_of_error(0, point.overrides, error, point.folder)))
        raise error

    before = signal.getsignal(signal.SIGUSR2)
    node_job(tmp_path, trains)()
    (ended,) = events(tmp_path)
    assert isinstance(ended, Ended)
    assert (ended.row.status, ended.row.error) == ("interrupted", "Stopped at step 4; everything is saved.")
    assert signal.getsignal(signal.SIGUSR2) == before


def test_it_waits_for_a_process_that_still_has_a_point(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    stream = (tmp_path / "1/.lock").open("w")
    fcntl.flock(stream, fcntl.LOCK_EX)
    threading.Timer(0.7, stream.close).start()
    started = time.monotonic()
    node_job(tmp_path, completes)()
    assert time.monotonic() - started >= 0.7
    assert len(events(tmp_path)) == 4


def test_it_does_not_wait_for_ever(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    with (tmp_path / "1/.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        node_job(tmp_path, completes, lock_wait_s=0.1)()
    assert len(events(tmp_path)) == 4


@pytest.mark.parametrize(("given", "expected"), [((), "auto"), (("resume=auto",), "auto"), (("resume=must",), "must")])
def test_a_job_that_is_run_again_resumes(
    tmp_path: Path, given: tuple[str, ...], expected: str, short_run: Callable[..., Path]
) -> None:
    again = resumed(job(tmp_path, "seed=0,1", *given))
    assert [point.plan.values()["resume"] for point in again.points] == [Value(expected, expected)] * 2
    assert [point.overrides for point in again.points] == [["seed=0"], ["seed=1"]]


def test_a_point_that_was_composed_to_resume_stays_as_it_is(tmp_path: Path) -> None:
    (plan,) = plans("dataset=iris", "resume=auto")
    point = Point(0, plan, tmp_path / "0", compose(plan, Catalog()))
    assert resumed(Job((point,))).points[0].composed is point.composed
    (plan,) = plans("dataset=iris")
    point = Point(0, plan, tmp_path / "0", compose(plan, Catalog()))
    assert resumed(Job((point,))).points[0].composed is None
