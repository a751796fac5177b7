"""Small sweeps for the tests of engines: plans, the engine on a backend, and a kill in the middle of a point."""

from __future__ import annotations

import hashlib
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.cli.point_runner import PointRunner
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import Plan, plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import Interrupted
from dlrun.runs.sweeps.driver import Driver, Watch
from dlrun.runs.sweeps.engines.cluster.backend import Backend
from dlrun.runs.sweeps.engines.cluster.engine import ClusterEngine
from dlrun.runs.sweeps.engines.cluster.probe import Needs
from dlrun.runs.sweeps.jobs import Event, Measured, RunJob, Started
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.runs.sweeps.search.grid import Grid

Dlrun = Callable[..., tuple[int, str, str]]

SMALL = ("dataset=iris", "model=mlp", "trainer.batch_size=16", "device.threads=1", "device=cpu", "checkpoint.keep=2")
"""What the points of these sweeps have in common."""


def plans(*words: str) -> list[Plan]:
    """Return the plans of a sweep."""
    catalog = Catalog()
    return plan_runs(parse_overrides(words, catalog, multirun=True), catalog)


def engine(backend: Backend, folder: Path, found: list[Plan], run_job: RunJob | None = None) -> ClusterEngine:
    """Return the engine of a sweep in `folder`."""
    folder.mkdir(exist_ok=True)
    runner = run_job or PointRunner([], [], quiet=True)
    return ClusterEngine(backend, runner, Needs.of_sweep(folder, found, Catalog()))


def signalling(folder: Path, number: int, *, point: int | None) -> tuple[list[Event], Watch]:
    """Return a list of events and a watch that fills it, and sends a signal at the fifth evaluation of point 1.

    point: whose process gets the signal; None: the sweep's own.
    """
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        told = [each for each in events if isinstance(each, Measured) and each.point == 1]
        if isinstance(event, Measured) and event.point == 1 and len(told) == 5:
            pid = os.getpid()
            if point is not None:
                (pid,) = map(int, re.findall(r"process (\d+) on", (folder / str(point) / ".lock").read_text()))
            os.kill(pid, number)

    return events, watch


def lose_one(
    backend: Backend, folder: Path, *words: str, number: int = signal.SIGKILL
) -> tuple[list[SweepRow], list[Event]]:
    """Run a sweep whose point 1 gets a signal once; return its rows and events."""
    found = plans(*SMALL, *words)
    events, watch = signalling(folder, number, point=1)
    rows = Driver(Grid(found), engine(backend, folder, found), folder, watch=watch).run()
    return rows, events


def stop_all(backend: Backend, folder: Path, *words: str) -> list[SweepRow]:
    """Press Ctrl-C in a sweep; return the rows that it leaves."""
    found = plans(*SMALL, *words)
    _, watch = signalling(folder, signal.SIGINT, point=None)
    driver = Driver(Grid(found), engine(backend, folder, found), folder, watch=watch)
    with pytest.raises(Interrupted) as caught:
        driver.run()
    assert caught.value.exit_code == 130
    return driver.rows


class StopsTheSecond(Grid):
    """A search that stops point 1 at its first evaluation."""

    def observe(self, point: int, measured: Measured) -> str | None:
        return "hopeless" if point == 1 else None


def prune_one(backend: Backend, folder: Path, *words: str) -> dict[int, SweepRow]:
    """Run a sweep whose search stops point 1; return its rows."""
    found = plans(*SMALL, *words)
    rows = Driver(StopsTheSecond(found), engine(backend, folder, found), folder, watch=lambda event: None).run()
    return {row.point: row for row in rows}


def starts(events: list[Event], point: int) -> list[str]:
    """Return where a point began, for each time that it did."""
    return [event.where for event in events if isinstance(event, Started) and event.point == point]


def weights(run: Path) -> str:
    """Return the digest of a run's last weights."""
    last = (run / "checkpoints" / "last").read_text().strip()
    return hashlib.sha256((run / "checkpoints" / last / "model.safetensors").read_bytes()).hexdigest()


def check_a_stopped_point_goes_on(backend: Backend, folder: Path, dlrun: Dlrun) -> None:
    """A point that the scheduler stops is saved, and ends in the bytes of the run alone."""
    words = ("trainer.epochs=150",)
    rows, events = lose_one(backend, folder / "s", *words, "seed=0,1", number=signal.SIGUSR2)
    assert [row.status for row in rows] == ["completed", "completed"]
    assert len(starts(events, 1)) == 2
    assert "resume  from step" in (folder / "s/1/dlrun.log").read_text()
    assert dlrun(*SMALL, *words, "seed=1", "hydra.run.dir=alone", "--quiet")[0] == 0
    assert weights(folder / "s" / "1") == weights(folder / "alone")


def check_ctrl_c_saves(backend: Backend, folder: Path) -> None:
    """Ctrl-C lets the points that run save, and no other begins."""
    rows = stop_all(backend, folder / "s", "trainer.epochs=5000", "seed=0,1,2")
    assert sorted((row.point, row.status) for row in rows) == [(0, "interrupted"), (1, "interrupted")]
    assert "Stopped at step" in str(next(row.error for row in rows if row.point == 1))
    assert (folder / "s/1/checkpoints/last").exists()


def check_a_point_is_pruned(backend: Backend, folder: Path) -> None:
    """A point that the search stops is saved before its end; the other one goes on."""
    rows = prune_one(backend, folder / "s", "seed=0,1", "trainer.epochs=200")
    assert [(rows[i].status, rows[i].error) for i in (0, 1)] == [("completed", None), ("pruned", "hopeless")]
    assert 0 < int((folder / "s/1/checkpoints/last").read_text().strip().removeprefix("step-")) < 200 * 7
