"""dlrun.cli.running: a run of several processes is still the point of its sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from dlrun.cli import running
from dlrun.cli.ranks.line import Assignment
from dlrun.cli.running import Afar, Hooks, run_one
from dlrun.configuration.compose import Composed, compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.sweeps.jobs import Event, Measured

MEASURED = Measured(5, 1, 10, 0.5, {"val/loss": 1.0})


def composed(*words: str) -> Composed:
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["dataset=iris", "model=linear", "device=cpu", *words], catalog), catalog)
    return compose(plan, catalog)


class Sweep:
    """A channel that keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.needed: tuple[int, int] | None = None

    def report(self, event: Event) -> None:
        self.events.append(event)

    def stop_reason(self, point: int) -> str | None:
        return f"halving of {point}"

    def needs(self, peak: int, free: int) -> None:
        self.needed = peak, free


def test_the_sweep_of_a_point_hears_its_first_process(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep, answers, given = Sweep(), [], []

    class OfPoint(Hooks):
        def afar(self) -> Afar:
            return Afar(5, sweep, 4)

    def train(assignment: Assignment, number: int, *, hear: Callable[[Any], Any]) -> tuple[dict[str, Any], Path]:
        given.append((assignment.point, assignment.cores, number))
        messages: list[dict[str, Any]] = [{"needs": [100, 1000]}, {"measured": asdict(MEASURED)}, {"asks": 5}]
        answers.extend(hear(message) for message in messages)
        return {"status": "completed"}, assignment.path

    monkeypatch.setattr(running, "train_in_processes", train)
    found = run_one(composed("device.processes=2"), Catalog(), Path("here"), asked=True, quiet=True, hooks=OfPoint())
    assert found == ({"status": "completed"}, Path("here"))
    assert given == [(5, 2, 2)]  # of four cores, each process has two
    assert sweep.events == [MEASURED]
    assert sweep.needed == (200, 1000)
    assert answers == [None, None, {"reason": "halving of 5"}]


def test_what_verifies_trains_in_one_process(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Alone(Hooks):
        trains_alone = True

    asked = composed("device.processes=2", "device.threads=1", "trainer.epochs=1")
    run_one(asked, Catalog(), own_folder / "run", asked=True, quiet=True, hooks=Alone())
    assert "processes: 1" in (own_folder / "run" / "config.yaml").read_text()
    assert "notice: device.processes=2 is not needed to verify" in capsys.readouterr().err
