"""dlrun.runs.sweeps.engines.local.worker: the channel between a worker and its sweep, and the GPU of a worker."""

from __future__ import annotations

import os
import threading
from multiprocessing import Pipe
from pathlib import Path

import pytest

from dlrun.runs.sweeps.engines.local import worker
from dlrun.runs.sweeps.engines.local.messages import Needs, Stop
from dlrun.runs.sweeps.jobs import Ended, MemoryWatch, Started
from dlrun.runs.sweeps.rows import SweepRow
from tests.runs.sweeps.engines.local.actors import job


@pytest.mark.parametrize(
    ("visible", "device", "expected"),
    [(None, "cuda:1", "1"), ("", "cuda:1", "1"), ("4,GPU-ab", "cuda:1", "GPU-ab"), ("3", "cpu", "3")],
)
def test_a_worker_sees_one_of_the_gpus_that_the_sweep_may_use(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, device: str, expected: str
) -> None:
    monkeypatch.setattr(worker, "_bound", {})
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "")
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    worker.use_gpu(device)
    worker.use_gpu(device)  # for its next job: it has the GPU already
    assert os.environ["CUDA_VISIBLE_DEVICES"] == expected
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # whatever was set is undone


def test_what_a_worker_and_its_sweep_tell_each_other(tmp_path: Path) -> None:
    (sweep, its), died = Pipe(), threading.Event()
    channel = worker.PipeChannel(its, died.set)
    assert isinstance(channel, MemoryWatch)
    given = job(tmp_path, 3, "completes")
    sweep.send(given)
    assert channel.next_job() == given
    channel.report(Started(3, "cpu"))
    channel.needs(100, 200)
    assert [sweep.recv(), sweep.recv()] == [Started(3, "cpu"), Needs(100, 200)]
    assert channel.stop_reason(3) is None
    sweep.send(Stop(3, "hopeless"))
    sweep.send(None)
    assert channel.next_job() is None  # so the message before it was read
    assert channel.stop_reason(3) == "hopeless"
    assert not died.is_set()
    sweep.close()
    assert died.wait(5)  # a worker without a sweep ends


def test_a_defect_is_the_row_of_every_point_without_an_end(tmp_path: Path) -> None:
    (sweep, its), died = Pipe(), threading.Event()
    channel = worker.PipeChannel(its, died.set)
    done, left = job(tmp_path, 0, "completes"), job(tmp_path, 1, "completes")
    channel.report(Ended(SweepRow(0, [], "completed")))
    channel.end_all(type(done)((*done.points, *left.points)), ZeroDivisionError("a bug"))
    assert sweep.recv().row.status == "completed"
    row = sweep.recv().row
    assert (row.point, row.status, row.error) == (1, "failed", "ZeroDivisionError: a bug")
    assert not sweep.poll()
    sweep.close()
    assert died.wait(5)
    died.clear()
    channel.report(Started(2))
    assert died.is_set()
