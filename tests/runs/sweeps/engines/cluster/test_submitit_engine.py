"""dlrun.runs.sweeps.engines.cluster.submitit_engine: points as jobs of submitit's local executor."""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from dlrun.configuration.sweeps.cluster import SlurmSettings
from dlrun.errors import ConfigError
from dlrun.runs.sweeps.driver import Driver
from dlrun.runs.sweeps.engines.cluster.submitit_engine import Submitit
from dlrun.runs.sweeps.jobs import Event
from dlrun.runs.sweeps.search.grid import Grid
from tests.conftest import SHORT
from tests.runs.sweeps.engines.cluster.sweeps import (
    SMALL,
    check_a_point_is_pruned,
    check_a_stopped_point_goes_on,
    check_ctrl_c_saves,
    engine,
    lose_one,
    plans,
    starts,
    stop_all,
    weights,
)

Dlrun = Callable[..., tuple[int, str, str]]
needs_submitit = pytest.mark.skipif(
    importlib.util.find_spec("submitit") is None,
    reason='submitit is not installed: pip install "dlrun[submitit]"',
)
needs_slurm = pytest.mark.skipif(shutil.which("srun") is None, reason="there is no SLURM on this machine")
MODULE = "dlrun.runs.sweeps.engines.cluster.submitit_engine"
LOCAL = ("launch.engine=submitit", "launch.slurm.cluster=local")


def here() -> Submitit:
    """Return a backend that runs two jobs at once on this machine."""
    return Submitit(SlurmSettings(cluster="local"), jobs=2)


@needs_submitit
def test_points_of_jobs_are_the_runs_that_they_are_alone(dlrun: Dlrun, short_run: Callable[..., Path]) -> None:
    code, out, err = dlrun("-m", *SHORT, "seed=0,1", *LOCAL, "hydra.sweep.dir=mine")
    assert code == 0, err
    assert "completed" in out
    assert "looking at the cluster's machines before the first point" in err
    rows = [json.loads(line) for line in Path("mine/sweep.jsonl").read_text().splitlines()]
    assert sorted((row["point"], row["status"]) for row in rows) == [(0, "completed"), (1, "completed")]
    assert weights(Path("mine/1")) == weights(short_run("alone", "seed=1"))


@needs_submitit
def test_a_point_whose_process_was_killed_goes_on_and_ends_in_the_same_bytes(tmp_path: Path, dlrun: Dlrun) -> None:
    words = ("trainer.epochs=150",)
    rows, events = lose_one(here(), tmp_path / "s", *words, "seed=0,1")
    assert [row.status for row in rows] == ["completed", "completed"]
    assert [len(starts(events, point)) for point in (0, 1)] == [1, 2]
    assert dlrun(*SMALL, *words, "seed=1", "hydra.run.dir=alone", "--quiet")[0] == 0
    assert weights(tmp_path / "s" / "1") == weights(tmp_path / "alone")


@needs_submitit
def test_a_point_that_the_scheduler_stops_is_saved_and_goes_on(tmp_path: Path, dlrun: Dlrun) -> None:
    check_a_stopped_point_goes_on(here(), tmp_path, dlrun)


@needs_submitit
def test_ctrl_c_saves_the_points_that_run(tmp_path: Path) -> None:
    check_ctrl_c_saves(here(), tmp_path)


@needs_submitit
def test_the_search_can_stop_a_point(tmp_path: Path) -> None:
    check_a_point_is_pruned(here(), tmp_path)


class Handle:
    """A job of SLURM, of which only the files are known."""

    def __init__(self, job_id: str, folder: Path, *, log: str = "") -> None:
        self.job_id, self.paths, self._log = job_id, SimpleNamespace(result_pickle=folder / f"{job_id}.pkl"), log

    def stderr(self) -> str:
        return self._log


def test_without_submitit_it_says_what_to_install(
    dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    code, _, err = dlrun("-m", *SHORT, "seed=0,1", LOCAL[0])
    assert code == 2
    assert 'This needs submitit, which is not installed: pip install "dlrun[submitit]".' in err
    assert not list(own_folder.glob("outputs/sweeps/*/*/0"))


@needs_submitit
def test_without_slurm_it_says_so(dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(own_folder))
    code, _, err = dlrun("-m", *SHORT, "seed=0,1", LOCAL[0])
    assert code == 2
    assert "There is no SLURM on this machine: srun is not found. Start the sweep where jobs are submitted" in err
    assert "launch.slurm.cluster=local" in err
    assert not list(own_folder.glob("outputs/sweeps/*/*/0"))


def test_a_job_of_slurm_ends_when_it_is_not_listed_as_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(0, "1 RUNNING\n2 NODE_FAIL\n3_0 PENDING\n"), (1, ""), (0, "3_0 RUNNING\n")]
    asked, now = list[list[str]](), [100.0]

    def run(command: list[str], **options: object) -> SimpleNamespace:
        asked.append(command)
        code, out = answers[len(asked) - 1]
        return SimpleNamespace(returncode=code, stdout=out)

    monkeypatch.setattr(f"{MODULE}.subprocess.run", run)
    monkeypatch.setattr(f"{MODULE}.time.monotonic", lambda: now[0])
    backend = Submitit(SlurmSettings(), jobs=None)
    handles = [Handle("1", tmp_path), Handle("2", tmp_path, log="slurmstepd: error\n"), Handle("3_0", tmp_path)]
    lost = "job 2 ended (NODE_FAIL): slurmstepd: error"
    assert [backend.ending(handle) for handle in handles] == [None, lost, None]
    assert len(asked) == 1  # not once for each job
    now[0] += 20
    assert [backend.ending(handle) for handle in handles] == [None, lost, None]  # its controller does not answer
    now[0] += 20
    assert backend.ending(handles[0]) == "job 1 ended (not listed any more)"
    assert backend.ending(handles[2]) is None
    (tmp_path / "3_0.pkl").touch()
    assert backend.ending(handles[2]) == "job 3_0 ended (COMPLETED)"
    assert len(asked) == 3


def test_a_probe_that_leaves_no_result_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    backend = Submitit(SlurmSettings(), jobs=None)
    backend.late_s = 0.0
    backend._submitit = SimpleNamespace(core=SimpleNamespace(utils=SimpleNamespace(FailedJobError=KeyError)))
    log = "Traceback\n\nModuleNotFoundError: No module named 'dlrun'\n"
    with pytest.raises(ConfigError) as caught:
        backend.result(Handle("7", tmp_path, log=log))
    assert str(caught.value) == (
        "1 problem in the configuration:\n"
        "  launch.engine=submitit\n"
        "      The job that looks at a machine failed (7):\n"
        "        Traceback\n"
        "        ModuleNotFoundError: No module named 'dlrun'\n"
        "        Python, dlrun and the sweep's folder must be the same on the cluster's machines."
    )
    with pytest.raises(
        ConfigError, match="It wrote neither a result nor a log: is the sweep's folder on a shared disk"
    ):
        backend.result(Handle("8", tmp_path))


def on_slurm(**settings: int) -> Submitit:
    """Return a backend for the SLURM cluster of this machine."""
    backend = Submitit(SlurmSettings(**settings), jobs=2)  # type: ignore[arg-type]
    backend.late_s = 2.0
    return backend


@needs_submitit
@needs_slurm
@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGUSR2, signal.SIGTERM])
def test_slurm_a_lost_or_preempted_point_ends_in_the_same_bytes(tmp_path: Path, dlrun: Dlrun, number: int) -> None:
    words = ("trainer.epochs=2000",)
    rows, events = lose_one(on_slurm(), tmp_path / "s", *words, "seed=0,1", number=number)
    assert [row.status for row in rows] == ["completed", "completed"]
    assert [len(starts(events, point)) for point in (0, 1)] == [1, 2]
    assert "SLURM job" in starts(events, 1)[1]
    assert dlrun(*SMALL, *words, "seed=1", "hydra.run.dir=alone", "--quiet")[0] == 0
    assert weights(tmp_path / "s" / "1") == weights(tmp_path / "alone")


@needs_submitit
@needs_slurm
@pytest.mark.long
def test_slurm_ctrl_c_saves_the_points_that_run(tmp_path: Path) -> None:
    rows = stop_all(on_slurm(), tmp_path / "s", "trainer.epochs=50000", "seed=0,1,2")
    assert sorted((row.point, row.status, row.exit_code) for row in rows) == [
        (0, "interrupted", 130),
        (1, "interrupted", 130),
    ]
    assert "Stopped at step" in str(next(row.error for row in rows if row.point == 1))


@needs_submitit
@needs_slurm
@pytest.mark.long
def test_slurm_a_point_that_needs_more_time_than_a_job_has_goes_on_in_another(tmp_path: Path) -> None:
    found = plans(*SMALL, "trainer.epochs=8000", "seed=0,1")[:1]
    events: list[Event] = []
    cluster = engine(on_slurm(timeout_min=1), tmp_path / "s", found)
    rows = Driver(Grid(found), cluster, tmp_path / "s", watch=events.append).run()
    assert [row.status for row in rows] == ["completed"]
    assert len(starts(events, 0)) >= 2


@needs_submitit
@needs_slurm
def test_slurm_says_why_it_refuses_a_job(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, "seed=0,1", LOCAL[0], "launch.slurm.partition=nowhere")
    assert code == 2
    assert "launch.engine=submitit\n      SLURM refuses the job: " in err
    assert "invalid partition specified: nowhere" in err
    assert not list(own_folder.glob("outputs/sweeps/*/*/0"))


@needs_submitit
@needs_slurm
def test_slurm_gets_what_the_settings_ask_for(tmp_path: Path) -> None:
    settings = SlurmSettings(timeout_min=7, cpus_per_task=2, setup=["true"], extra={"nice": 5})
    backend = Submitit(settings, jobs=None)
    backend.open(tmp_path)
    (handle,) = backend.submit([print])  # type: ignore[list-item]
    backend.cancel([handle])
    (script,) = (path.read_text() for path in tmp_path.glob("*/*_submission.sh"))
    for line in ("time=7", "cpus-per-task=2", "nice=5", "no-requeue", "signal=USR2@90"):
        assert f"#SBATCH --{line}\n" in script
    assert "\ntrue\n" in script
    assert (backend.capacity, backend.threads) == (256, 2)
