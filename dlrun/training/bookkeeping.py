"""What happens between two steps of training: means are logged, held-out rows measured, the state saved."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from dlrun.configuration.schema.settings import TrainerSettings
from dlrun.data.prepare import DataBundle
from dlrun.errors import Interrupted
from dlrun.optim.device import Device
from dlrun.optim.finite import NotFinite, weights_are_finite
from dlrun.storage.background import Saver
from dlrun.tasks.metric_names import HIGHER_IS_BETTER
from dlrun.tasks.progress import Best, Listener, Progress
from dlrun.training.evaluation import evaluate
from dlrun.training.signals import StopRequest
from dlrun.training.state import Trained, capture, random_state, restore_random


class TimeUp(Exception):  # noqa: N818 - it is an outcome more than an error
    """`trainer.max_time` is over; everything is saved."""


class Recorder:
    """Tells listeners how training goes and keeps its state; everything it does leaves the state as it was.

    Each method raises NotFinite where a number has gone bad.
    """

    def __init__(
        self,
        state: Trained,
        progress: Progress,
        *,
        data: DataBundle,
        device: Device,
        settings: TrainerSettings,
        metric: str,
        saver: Saver,
        listeners: Sequence[Listener],
        stop: StopRequest,
        about: Mapping[str, Any],
    ) -> None:
        self.saver = saver
        self._state, self._progress = state, progress
        self._data, self._device, self._settings, self._metric = data, device, settings, metric
        self._listeners, self._stop, self._about = listeners, stop, about
        self._started = time.perf_counter() - progress.total_seconds

    def _row(self) -> dict[str, float]:
        progress = self._progress
        epoch = progress.epoch + (1 if progress.batch else 0)
        return {"step": progress.step, "epoch": epoch, "seconds": round(time.perf_counter() - self._started, 3)}

    def _take_means(self) -> dict[str, float]:
        """Means of the steps' scalars since they were last taken, added to the sums of the evaluation at hand."""
        sums, count = self._state.means.take()
        if not all(value - value == 0.0 for value in sums.values()):
            raise NotFinite
        for name, value in sums.items():
            self._progress.loss_totals[name] = self._progress.loss_totals.get(name, 0.0) + value
        self._progress.loss_steps += count
        batches = count or 1
        return {f"train/{name}": value / batches for name, value in sums.items()}

    def log(self) -> None:
        """Tell listeners the means of the steps since they were last told."""
        row = {**self._row(), **self._take_means(), "lr": self._state.updater.lr}
        for listener in self._listeners:
            listener.on_step(self._progress, row)

    def evaluate(self) -> bool:
        """Evaluate on the validation rows; whether the metric is the best so far."""
        progress = self._progress
        self._take_means()
        if not weights_are_finite(self._state.task):
            raise NotFinite
        row = self._row()
        metrics = self._measure()
        row.update(
            {f"train/{name}": value / max(1, progress.loss_steps) for name, value in progress.loss_totals.items()}
        )
        progress.loss_totals, progress.loss_steps, progress.evaluation_due = {}, 0, False
        is_best = False
        if metrics is not None:
            row.update({f"val/{name}": value for name, value in metrics.items()})
            is_best = self._judge(metrics[self._metric], epoch=int(row["epoch"]))
        for listener in self._listeners:
            listener.on_epoch(progress, row)
        return is_best

    def _measure(self) -> dict[str, float] | None:
        """Metrics on the validation rows, where there are any; a stop meanwhile saves the state as it was before."""
        if self._data.val is None:
            return None
        started, before = time.perf_counter(), random_state()
        try:
            with nullcontext() if self._state.ema is None else self._state.ema.applied():
                metrics = evaluate(
                    self._state.task,
                    self._data.val,
                    device=self._device,
                    batch_size=self._settings.eval_batch_size,
                    between=self._stop.leave_if_asked,
                )
        except Interrupted:
            restore_random(*before)
            self._progress.evaluation_due = True
            self.save(is_best=False)
            self.leave_if_asked()
            raise
        self._progress.eval_seconds += time.perf_counter() - started
        return metrics

    def _judge(self, value: float, *, epoch: int) -> bool:
        """Note an evaluation's metric; whether it is the best so far."""
        progress = self._progress
        higher = HIGHER_IS_BETTER.get(self._metric, False)
        self._state.schedule.observe(value, higher_is_better=higher)
        best = progress.best
        gain = float("inf") if best is None else (value - best.value if higher else best.value - value)
        if gain > self._settings.early_stop.min_delta:
            progress.evaluations_without_gain = 0
        else:
            progress.evaluations_without_gain += 1
        if gain > 0:
            progress.best = Best(self._metric, value, epoch, progress.step)
        return gain > 0

    def save(self, *, is_best: bool) -> None:
        """Begin to write a checkpoint of a copy of the state.

        Raises StorageError when the one before could not be written.
        """
        if not weights_are_finite(self._state.task):
            raise NotFinite
        self._stop.save_asked = False
        self._progress.total_seconds = time.perf_counter() - self._started
        self.saver.save(capture(self._state, self._progress, about=self._about), is_best=is_best)

    def leave_if_asked(self) -> None:
        """Leave, once everything is saved, where a signal or the clock asks for it."""
        if self._stop.signal is not None:
            self.saver.finish()
            where = f"step {self._progress.step} of epoch {self._progress.epoch + 1}"
            raise Interrupted(self._stop.signal, f"Stopped at {where}; everything is saved.")
        if self._stop.is_late:
            raise TimeUp
