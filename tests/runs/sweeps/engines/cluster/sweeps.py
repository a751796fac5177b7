"""Small sweeps for the tests of engines: plans, the engine on a backend, and a kill in the middle of a point."""

from __future__ import annotations

import hashlib
import os
import re
import signal
from pathlib import Path

from dlrun.cli.point_runner import PointRunner
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import Plan, plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.sweeps.driver import Driver
from dlrun.runs.sweeps.engines.cluster.backend import Backend
from dlrun.runs.sweeps.engines.cluster.engine import ClusterEngine
from dlrun.runs.sweeps.engines.cluster.probe import Needs
from dlrun.runs.sweeps.jobs import Event, Measured, RunJob, Started
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.runs.sweeps.search.grid import Grid

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


def killing(folder: Path, *, point: int) -> tuple[list[Event], object]:
    """Return a list of events and a watch that fills it, and kills a point's process at its fifth evaluation."""
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        told = [each for each in events if isinstance(each, Measured) and each.point == point]
        if isinstance(event, Measured) and event.point == point and len(told) == 5:
            (pid,) = re.findall(r"process (\d+) on", (folder / str(point) / ".lock").read_text())
            os.kill(int(pid), signal.SIGKILL)

    return events, watch


def lose_one(backend: Backend, folder: Path, *words: str) -> tuple[list[SweepRow], list[Event]]:
    """Run a sweep whose point 1 is killed once; return its rows and events."""
    found = plans(*SMALL, *words)
    events, watch = killing(folder, point=1)
    rows = Driver(Grid(found), engine(backend, folder, found), folder, watch=watch).run()  # type: ignore[arg-type]
    return rows, events


def starts(events: list[Event], point: int) -> list[str]:
    """Return where a point began, for each time that it did."""
    return [event.where for event in events if isinstance(event, Started) and event.point == point]


def weights(run: Path) -> str:
    """Return the digest of a run's last weights."""
    last = (run / "checkpoints" / "last").read_text().strip()
    return hashlib.sha256((run / "checkpoints" / last / "model.safetensors").read_bytes()).hexdigest()
