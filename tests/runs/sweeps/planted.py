"""An engine whose points have known curves and train nothing; time passes only as it trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from dlrun.runs.sweeps.jobs import Ended, Event, Job, Measured, Point, Started
from dlrun.runs.sweeps.rows import SweepRow

STEPS = 10  # an epoch

Curve = Callable[[dict[str, str]], Sequence[float]]
"""From the settings of a point to its accuracy after each epoch."""


class PlantedEngine:
    """Trains every running point for one epoch, a second, whenever its events are asked for."""

    def __init__(self, curve: Curve, *, capacity: int = 1, metric: str = "val/accuracy") -> None:
        self.capacity, self.now_s = capacity, 0.0
        self.waits: list[float | None] = []  # the time limits of the calls of `events`
        self._curve, self._metric = curve, metric
        self._running: dict[int, tuple[Point, list[float]]] = {}
        self._reasons: dict[int, str] = {}

    def __enter__(self) -> PlantedEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.clear()

    def submit(self, job: Job) -> None:
        (point,) = job.points
        self._running[point.number] = (point, [])

    def stop_point(self, point: int, reason: str) -> None:
        assert point in self._running
        self._reasons[point] = reason

    def events(self, timeout_s: float | None = None) -> Sequence[Event]:
        self.waits.append(timeout_s)
        self.now_s += 1.0
        return [event for number in list(self._running) for event in self._epoch(number)]

    def _epoch(self, number: int) -> list[Event]:
        point, done = self._running[number]
        values = self._curve(dict(word.split("=") for word in point.overrides))
        if number in self._reasons:
            del self._running[number]
            row = SweepRow(number, point.overrides, "interrupted", error="Stopped.", exit_code=143)
            return [Ended(row)]
        begun: list[Event] = [] if done else [Started(number)]
        done.append(values[len(done)])
        epoch = len(done)
        best = self._best(done)
        metrics = {self._metric: done[-1]}
        measured = Measured(number, epoch, STEPS * epoch, 1.0 * epoch, metrics, STEPS * len(values), best)
        if epoch < len(values):
            return [*begun, measured]
        del self._running[number]
        return [*begun, measured, Ended(SweepRow(number, point.overrides, "completed", metrics, best, float(epoch)))]

    def _best(self, done: Sequence[float]) -> dict[str, Any]:
        higher = self._metric != "val/loss"
        value = max(done) if higher else min(done)
        epoch = done.index(value) + 1
        return {
            "metric": self._metric,
            "value": value,
            "epoch": epoch,
            "step": STEPS * epoch,
            "higher_is_better": higher,
        }
