"""dlrun.runs.sweeps.engines.cluster.submitit_engine: points as jobs of submitit's local executor."""

from __future__ import annotations

import importlib.util
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.sweeps.cluster import SlurmSettings
from dlrun.runs.sweeps.engines.cluster.submitit_engine import Submitit
from tests.conftest import SHORT
from tests.runs.sweeps.engines.cluster.sweeps import SMALL, lose_one, prune_one, starts, stop_all, weights

Dlrun = Callable[..., tuple[int, str, str]]
needs_submitit = pytest.mark.skipif(
    importlib.util.find_spec("submitit") is None,
    reason='submitit is not installed: pip install "dlrun[submitit]"',
)
LOCAL = ("launch.engine=submitit", "launch.slurm.cluster=local")


def here() -> Submitit:
    """Return a backend that runs two jobs at once on this machine."""
    return Submitit(SlurmSettings(cluster="local"), jobs=2)


@needs_submitit
def test_points_of_jobs_are_the_runs_that_they_are_alone(dlrun: Dlrun, short_run: Callable[..., Path]) -> None:
    code, out, err = dlrun("-m", *SHORT, "seed=0,1", *LOCAL, "hydra.sweep.dir=mine")
    assert code == 0, err
    assert len(out.splitlines()) == 3
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
    words = ("trainer.epochs=150",)
    rows, events = lose_one(here(), tmp_path / "s", *words, "seed=0,1", number=signal.SIGUSR2)
    assert [row.status for row in rows] == ["completed", "completed"]
    assert len(starts(events, 1)) == 2
    assert "resume  from step" in (tmp_path / "s/1/dlrun.log").read_text()
    assert dlrun(*SMALL, *words, "seed=1", "hydra.run.dir=alone", "--quiet")[0] == 0
    assert weights(tmp_path / "s" / "1") == weights(tmp_path / "alone")


@needs_submitit
def test_ctrl_c_saves_the_points_that_run(tmp_path: Path) -> None:
    rows = stop_all(here(), tmp_path / "s", "trainer.epochs=5000", "seed=0,1,2")
    assert sorted((row.point, row.status) for row in rows) == [(0, "interrupted"), (1, "interrupted")]
    assert "Stopped at step" in str(next(row.error for row in rows if row.point == 1))
    assert (tmp_path / "s/1/checkpoints/last").exists()


@needs_submitit
def test_the_search_can_stop_a_point(tmp_path: Path) -> None:
    rows = prune_one(here(), tmp_path / "s", "seed=0,1", "trainer.epochs=200")
    assert [(rows[i].status, rows[i].error) for i in (0, 1)] == [("completed", None), ("pruned", "hopeless")]
    assert 0 < int((tmp_path / "s/1/checkpoints/last").read_text().strip().removeprefix("step-")) < 200 * 7
