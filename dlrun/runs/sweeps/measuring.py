"""A point while it is trained: its evaluations go to the sweep, which may ask it to stop."""

from __future__ import annotations

from dlrun.runs.result import describe_best
from dlrun.runs.run import Session
from dlrun.runs.sweeps.jobs import Channel, Measured, MemoryWatch
from dlrun.tasks.progress import Listener, Progress, Row
from dlrun.training.signals import StopRequest


class PointListener(Listener):
    """Reports each evaluation of a point, and asks its run to save and stop if the sweep wants it to."""

    def __init__(self, point: int, channel: Channel, session: Session, stop: StopRequest) -> None:
        self._point, self._channel, self._stop = point, channel, stop
        self._total_steps = session.trainer.horizon.total_steps
        self._directions = session.components.task.metrics
        if isinstance(channel, MemoryWatch):
            channel.needs(session.components.memory.peak, session.components.memory.free)

    def on_epoch(self, progress: Progress, row: Row) -> None:
        metrics = {name: value for name, value in row.items() if name.startswith("val/")}
        measured = Measured(
            self._point,
            progress.epoch,
            progress.step,
            progress.train_seconds,
            metrics,
            self._total_steps,
            describe_best(progress.best, self._directions),
        )
        self._channel.report(measured)
        self._stop_if_asked()

    def on_step(self, progress: Progress, row: Row) -> None:
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._channel.stop_reason(self._point) is not None:
            self._stop.request()
