"""What happens between training steps: log means, evaluate on the validation split, save checkpoints, stop."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from dlrun.configuration.schema.settings import TrainerSettings
from dlrun.errors import Interrupted
from dlrun.optim.finite import NotFinite, weights_are_finite
from dlrun.storage.background import Saver
from dlrun.tasks.progress import Best, Listener
from dlrun.training.build import Components
from dlrun.training.evaluation import evaluate
from dlrun.training.metric_choice import value_of
from dlrun.training.ranks import state_of_ranks
from dlrun.training.sharded_state import save_shards
from dlrun.training.signals import StopRequest
from dlrun.training.state import TrainingState, capture, random_state, restore_random


class TimeUp(Exception):  # noqa: N818 - an outcome rather than an error
    """The time limit `trainer.max_time` has passed; everything is saved."""


class Recorder:
    """Reports a run to its listeners and saves it; apart from the progress, it leaves the training state unchanged.

    metadata: the run and environment, as every checkpoint describes them.
    Each method raises NotFinite if a mean or a weight is not finite.
    """

    def __init__(
        self,
        state: TrainingState,
        components: Components,
        settings: TrainerSettings,
        *,
        saver: Saver,
        listeners: Sequence[Listener],
        stop: StopRequest,
        metadata: Mapping[str, Any],
    ) -> None:
        self.saver = saver
        self._state, self._progress = state, state.progress
        self._components, self._settings = components, settings
        self._listeners, self._stop, self._metadata = listeners, stop, metadata
        self._group = components.device.group
        self._started = time.perf_counter() - state.progress.total_seconds

    def _row(self) -> dict[str, float]:
        progress = self._progress
        epoch = progress.epoch + (1 if progress.batch else 0)
        return {"step": progress.step, "epoch": epoch, "seconds": round(time.perf_counter() - self._started, 3)}

    def _take_means(self) -> dict[str, float]:
        """Return the means since this was last called, and add their sums to those since the last evaluation."""
        sums, count = self._state.means.take()
        sums = self._group.sums(sums)
        if not all(value - value == 0.0 for value in sums.values()):
            raise NotFinite
        for name, value in sums.items():
            self._progress.loss_totals[name] = self._progress.loss_totals.get(name, 0.0) + value
        self._progress.loss_steps += count
        batches = count or 1
        return {f"train/{name}": value / batches for name, value in sums.items()}

    def log(self) -> None:
        """Send the means since the last call to the listeners."""
        row = {**self._row(), **self._take_means(), "lr": self._state.updater.lr}
        for listener in self._listeners:
            listener.on_step(self._progress, row)

    def evaluate(self) -> bool:
        """Evaluate on the validation split; return whether the metric is the best so far."""
        progress = self._progress
        self._take_means()
        if not weights_are_finite(self._state.task, self._group):
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
            value = value_of(self._state.task, self._components.metric, metrics)
            loss = metrics.get("loss") if self._state.task.metrics.get("loss") == "min" else None
            is_best = self._compare_with_best(value, loss, epoch=int(row["epoch"]))
        for listener in self._listeners:
            listener.on_epoch(progress, row)
        return is_best

    def _measure(self) -> dict[str, float] | None:
        """Return the metrics of the validation split, None without one; an interruption saves the state from before."""
        split = self._components.data.val
        if split is None:
            return None
        started, before = time.perf_counter(), random_state()
        try:
            with nullcontext() if self._state.ema is None else self._state.ema.applied():
                metrics = evaluate(
                    self._state.task,
                    split,
                    device=self._components.device,
                    batch_size=self._settings.eval_batch_size,
                    before_batch=self._stop.raise_if_agreed,
                )
        except Interrupted:
            restore_random(*before)
            self._progress.evaluation_due = True
            self.save(is_best=False)
            self.stop_if_requested()
            raise
        self._progress.eval_seconds += time.perf_counter() - started
        return metrics

    def _compare_with_best(self, value: float, loss: float | None, *, epoch: int) -> bool:
        """Update the schedule, the best metric and early stopping; return whether the metric is the best so far.

        Of equal metrics, which are common on few rows, the one with the lower loss is the best.
        """
        progress, metric = self._progress, self._components.metric
        higher_is_better = self._state.task.metrics[metric] == "max"
        self._state.schedule.observe(value, higher_is_better=higher_is_better)
        best = progress.best
        if best is not None and best.metric != metric:  # resumed with another `metric`: not comparable
            best = None
        gain = float("inf") if best is None else (value - best.value if higher_is_better else best.value - value)
        if gain > self._settings.early_stop.min_delta:
            progress.evaluations_without_gain = 0
        else:
            progress.evaluations_without_gain += 1
        breaks_tie = best is not None and gain == 0 and None not in (loss, best.loss) and loss < best.loss  # type: ignore[operator]
        if gain > 0 or breaks_tie:
            progress.best = Best(metric, value, epoch, progress.step, loss)
        return gain > 0 or breaks_tie

    def save(self, *, is_best: bool) -> None:
        """Copy the state and begin to write it as a checkpoint.

        Raises StorageError if the previous checkpoint could not be written.
        """
        if not weights_are_finite(self._state.task, self._group):
            raise NotFinite
        self._stop.save_requested = False
        self._progress.total_seconds = time.perf_counter() - self._started
        ranks = None if self._group.is_alone else state_of_ranks(self._state, self._group)
        if self._group.shards is not None:
            save_shards(self.saver, self._state, self._group, self._metadata, ranks or [], is_best=is_best)
        elif self._group.is_first:
            self.saver.save(capture(self._state, metadata=self._metadata, ranks=ranks), is_best=is_best)

    def stop_if_requested(self) -> None:
        """Raise Interrupted or TimeUp, once everything is saved, if a signal or the time limit requests it."""
        if self._stop.signal is not None:
            self.saver.finish()
            where = f"step {self._progress.step} of epoch {self._progress.epoch + 1}"
            raise Interrupted(self._stop.signal, f"Stopped at {where}; everything is saved.")
        if self._stop.is_time_up:
            raise TimeUp
