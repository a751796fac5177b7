"""dlrun.runs.sweeps.measuring: what a sweep learns of a point while it is trained, and that it can stop it."""

from __future__ import annotations

from pathlib import Path

from dlrun.cli.point_runner import PointRunner
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.sweeps.jobs import Ended, Event, Job, Measured, Point, Started


class Notes:
    """A channel that keeps events, and stops a point after an epoch."""

    def __init__(self, stop_after_epoch: int | None = None) -> None:
        self.events: list[Event] = []
        self._stop_after = stop_after_epoch

    def report(self, event: Event) -> None:
        self.events.append(event)

    def stop_reason(self, point: int) -> str | None:
        done = [event.epoch for event in self.events if isinstance(event, Measured)]
        return "hopeless" if self._stop_after is not None and done and done[-1] >= self._stop_after else None


def train(folder: Path, channel: Notes) -> None:
    catalog = Catalog()
    words = ["dataset=iris", "model=linear", "trainer.epochs=3", "trainer.batch_size=27", "device.threads=1"]
    (plan,) = plan_runs(parse_overrides(words, catalog, multirun=True), catalog)
    PointRunner((), (), quiet=True)(Job((Point(0, plan, folder),)), channel)


def test_each_evaluation_is_reported(tmp_path: Path) -> None:
    notes = Notes()
    train(tmp_path / "0", notes)
    assert [type(event) for event in notes.events] == [Started, Measured, Measured, Measured, Ended]
    measured = [event for event in notes.events if isinstance(event, Measured)]
    assert [(each.epoch, each.step, each.total_steps) for each in measured] == [(1, 4, 12), (2, 8, 12), (3, 12, 12)]
    assert {"val/loss", "val/accuracy"} <= set(measured[0].metrics)


def test_a_point_saves_and_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    notes = Notes(stop_after_epoch=2)
    train(tmp_path / "0", notes)
    (ended,) = [event for event in notes.events if isinstance(event, Ended)]
    assert ended.row.status == "interrupted"
    assert (tmp_path / "0" / "checkpoints" / "last").read_text() == "step-8\n"
