"""The training loop, readable from top to bottom. It knows tasks, splits and progress, and no model by name."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from dlrun.checkpoint import CheckpointStore
from dlrun.data.prepare import DataBundle
from dlrun.data.spec import Batch
from dlrun.data.split import Loader
from dlrun.device import Device, synchronise
from dlrun.divergence import NotFinite, explain, weights_are_finite
from dlrun.ema import WeightAverage
from dlrun.errors import ConfigError, Interrupted, Problem
from dlrun.evaluation import evaluate
from dlrun.events import Listener
from dlrun.fields import Augment
from dlrun.metric_names import HIGHER_IS_BETTER
from dlrun.progress import Best, Progress, RunningMeans
from dlrun.report.words import duration
from dlrun.saver import Saver
from dlrun.schedule import Horizon, Schedule
from dlrun.settings import CheckpointSettings, TrainerSettings
from dlrun.signals import StopRequest
from dlrun.task import Task
from dlrun.train_state import Trained, capture, random_state, restore_random
from dlrun.updater import Updater

Outcome = Literal["completed", "stopped early", "out of time"]


class _TimeUp(Exception):  # noqa: N818 - it is an outcome more than an error
    """`trainer.max_time` is over; everything is saved."""


def horizon(rows: int, settings: TrainerSettings, *, warmup_steps: int = 0) -> Horizon:
    """How many steps an epoch and the run have."""
    steps_per_epoch = -(-rows // (settings.batch_size * settings.accumulate))
    total = min(
        (settings.epochs or 10**12) * steps_per_epoch,
        settings.max_steps if settings.max_steps is not None else 10**18,
    )
    return Horizon(max(1, total - warmup_steps), steps_per_epoch)


class Trainer:
    """Trains a task on data until it is done, stopped, or diverged; `fit` may be called once."""

    def __init__(
        self,
        *,
        task: Task,
        data: DataBundle,
        device: Device,
        updater: Updater,
        schedule: Schedule,
        settings: TrainerSettings,
        checkpointing: CheckpointSettings,
        store: CheckpointStore,
        metric: str,
        seed: int,
        augment: Augment | None = None,
        progress: Progress | None = None,
        means: RunningMeans | None = None,
        ema: WeightAverage | None = None,
        listeners: Sequence[Listener] = (),
        stop: StopRequest | None = None,
        about: Mapping[str, Any] | None = None,
        capsule: Path | None = None,
    ) -> None:
        self.task, self.data, self.device = task, data, device
        self.updater, self.schedule = updater, schedule
        self.settings, self.checkpointing, self.store = settings, checkpointing, store
        self.metric = metric
        self.progress = progress or Progress()
        self.means = means or RunningMeans(on_cpu=device.is_cpu)
        self.ema = ema
        self.state = Trained(task, updater, schedule, self.means, ema)
        self.capsule = capsule  # the folder for what a step that went bad leaves
        self.horizon = horizon(len(data.train), settings)
        self._saver = Saver(store)
        self._listeners = listeners
        self._stop = stop or StopRequest()
        self.about = about or {}
        self._loader = Loader(
            data.train, batch_size=settings.batch_size, seed=seed, shuffle=settings.shuffle, augment=augment
        )
        self._started = time.perf_counter() - self.progress.total_seconds

    def fit(self) -> Outcome:
        """Train from where `progress` stands to the end.

        Raises DivergedError, Interrupted (after saving), StorageError, or ConfigError when the memory is too small.
        """
        self.task.train()
        self._stop.stop_after(self.settings.max_time_s)
        first = capture(self.state, self.progress, about=self.about) if not self.progress.step else None
        try:
            return self._fit()
        except _TimeUp:
            return "out of time"
        except NotFinite:
            self._saver.finish()
            raise explain(self, first) from None
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            raise self._out_of_memory() from error
        finally:
            self._saver.finish()

    def _fit(self) -> Outcome:
        if self.progress.evaluation_due:  # a stop came in its midst
            self._after_evaluation_point()
        while not self._is_over() and not self._has_stalled():
            self._train_epoch()
            self._end_of_epoch()
        return "completed" if self._is_over() else "stopped early"

    def _is_over(self) -> bool:
        """Whether every epoch or step asked for is done."""
        epochs, max_steps = self.settings.epochs, self.settings.max_steps
        return (epochs is not None and self.progress.epoch >= epochs) or (
            max_steps is not None and self.progress.step >= max_steps
        )

    def _has_stalled(self) -> bool:
        """Whether the metric has not improved for as long as early stopping waits."""
        patience = self.settings.early_stop.patience
        return patience is not None and self.progress.evaluations_without_gain >= patience

    def _train_epoch(self) -> None:
        """Train on the rest of the epoch at hand, or up to `max_steps`."""
        progress, device = self.progress, self.device
        step, tell = self.state.step, self._add_means
        pause = self._next_pause()
        started = time.perf_counter()
        with device.autocast():
            for window in self.windows(progress):
                step(window, progress, tell=tell)
                if progress.step >= pause or self._stop.noted:
                    progress.train_seconds += time.perf_counter() - started
                    if self._pause():
                        return
                    pause = self._next_pause()
                    started = time.perf_counter()
        synchronise(device.torch)
        progress.train_seconds += time.perf_counter() - started

    def _add_means(self, values: dict[str, Tensor]) -> None:
        if not self.means.add(values):
            raise NotFinite

    def windows(self, progress: Progress) -> Iterator[Sequence[Batch]]:
        """The rest of an epoch's batches in groups that make one step each; the last may be smaller."""
        batches = self._loader.epoch(progress.epoch, start=progress.batch)
        if self.settings.accumulate == 1:
            yield from zip(batches)
            return
        while window := tuple(itertools.islice(batches, self.settings.accumulate)):
            yield window

    def _next_pause(self) -> int:
        """The next step after which something other than training may have to happen."""
        step, settings = self.progress.step, self.settings
        marks = [settings.max_steps or 10**18]
        for every in (settings.log_every, settings.eval_every_steps, self.checkpointing.every_steps):
            if every:
                marks.append(step - step % every + every)
        return min(marks)

    def _pause(self) -> bool:
        """Between two steps: log, evaluate, save as asked; whether the epoch is left. Ends of epochs come after."""
        progress, settings = self.progress, self.settings
        if settings.log_every and progress.step % settings.log_every == 0:
            self._log()
        if progress.batch >= len(self._loader) or self._is_over():
            return self._is_over()  # `_end_of_epoch` evaluates and saves
        due = bool(settings.eval_every_steps) and progress.step % (settings.eval_every_steps or 1) == 0
        self._evaluate_and_save(evaluate=due)
        return False

    def _evaluate_and_save(self, *, evaluate: bool) -> None:
        """What happens between two steps within an epoch, besides logging."""
        step, every = self.progress.step, self.checkpointing.every_steps
        is_best = self._evaluate() if evaluate else False
        if is_best or self._stop.noted or (every is not None and step % every == 0):
            self._save(is_best=is_best)
        self._leave_if_asked()

    def _end_of_epoch(self) -> None:
        """Close the epoch: evaluate and save as asked."""
        progress = self.progress
        complete = progress.batch >= len(self._loader)
        if complete:
            progress.epoch, progress.batch = progress.epoch + 1, 0
        self._after_epoch(complete=complete)

    def _after_epoch(self, *, complete: bool) -> None:
        progress, every = self.progress, self.checkpointing.every_epochs
        over = self._is_over()
        due = complete and bool(self.settings.eval_every) and progress.epoch % self.settings.eval_every == 0
        is_best = self._evaluate() if due or over or progress.evaluation_due else False
        over = over or self._has_stalled()
        if over or is_best or self._stop.noted or (complete and every and progress.epoch % every == 0):
            self._save(is_best=is_best)
        if not over:
            self._leave_if_asked()

    def _after_evaluation_point(self) -> None:
        """Go on with an evaluation that a stop broke off."""
        if self.progress.batch and not self._is_over():
            self._evaluate_and_save(evaluate=True)
        else:
            self._after_epoch(complete=not self.progress.batch)

    def _row(self) -> dict[str, float]:
        progress = self.progress
        epoch = progress.epoch + (1 if progress.batch else 0)
        return {"step": progress.step, "epoch": epoch, "seconds": round(time.perf_counter() - self._started, 3)}

    def _take_means(self) -> dict[str, float]:
        """Means of the steps' scalars since they were last taken, added to the sums of the evaluation at hand."""
        sums, count = self.means.take()
        if not all(value - value == 0.0 for value in sums.values()):
            raise NotFinite
        for name, value in sums.items():
            self.progress.loss_totals[name] = self.progress.loss_totals.get(name, 0.0) + value
        self.progress.loss_steps += count
        batches = count or 1
        return {f"train/{name}": value / batches for name, value in sums.items()}

    def _log(self) -> None:
        row = {**self._row(), **self._take_means(), "lr": self.updater.lr}
        for listener in self._listeners:
            listener.on_step(self.progress, row)

    def _evaluate(self) -> bool:
        """Evaluate on the validation rows; whether the metric is the best so far."""
        progress = self.progress
        self._take_means()
        if not weights_are_finite(self.task):
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
            is_best = self._judge(metrics[self.metric], epoch=int(row["epoch"]))
        for listener in self._listeners:
            listener.on_epoch(progress, row)
        return is_best

    def _measure(self) -> dict[str, float] | None:
        """Metrics on the validation rows, where there are any; a stop meanwhile saves the state as it was before."""
        if self.data.val is None:
            return None
        started, before = time.perf_counter(), random_state()
        try:
            with nullcontext() if self.ema is None else self.ema.applied():
                metrics = evaluate(
                    self.task,
                    self.data.val,
                    device=self.device,
                    batch_size=self.settings.eval_batch_size,
                    between=self._stop.leave_if_asked,
                )
        except Interrupted:
            restore_random(*before)
            self.progress.evaluation_due = True
            self._save(is_best=False)
            self._leave_if_asked()
            raise
        self.progress.eval_seconds += time.perf_counter() - started
        return metrics

    def _judge(self, value: float, *, epoch: int) -> bool:
        """Note an evaluation's metric; whether it is the best so far."""
        progress = self.progress
        higher = HIGHER_IS_BETTER.get(self.metric, False)
        self.schedule.observe(value, higher_is_better=higher)
        best = progress.best
        gain = float("inf") if best is None else (value - best.value if higher else best.value - value)
        if gain > self.settings.early_stop.min_delta:
            progress.evaluations_without_gain = 0
        else:
            progress.evaluations_without_gain += 1
        if gain > 0:
            progress.best = Best(self.metric, value, epoch, progress.step)
        return gain > 0

    def _save(self, *, is_best: bool) -> None:
        if not weights_are_finite(self.task):
            raise NotFinite
        self._stop.save_asked = False
        self.progress.total_seconds = time.perf_counter() - self._started
        self._saver.save(capture(self.state, self.progress, about=self.about), is_best=is_best)

    def _leave_if_asked(self) -> None:
        """Leave, once everything is saved, where a signal or the clock asks for it."""
        if self._stop.signal is not None:
            self._saver.finish()
            where = f"step {self.progress.step} of epoch {self.progress.epoch + 1}"
            raise Interrupted(self._stop.signal, f"Stopped at {where}; everything is saved.")
        if self._stop.is_late:
            raise _TimeUp

    def time_up(self) -> str:
        """Why a run that is out of time ended, and how it goes on."""
        spent = duration(self.settings.max_time_s or 0.0)
        return f"Stopped at step {self.progress.step} after {spent} (trainer.max_time); dlrun resume goes on."

    def _out_of_memory(self) -> ConfigError:
        settings = self.settings
        half = max(1, settings.batch_size // 2)
        return ConfigError(
            Problem(
                f"trainer.batch_size={settings.batch_size}",
                f"The memory of {self.device.describe()} is too small for a batch of this size. The same step from "
                f"smaller batches: trainer.batch_size={half} trainer.accumulate={settings.accumulate * 2}",
            ),
            title="Out of memory",
        )


def _is_out_of_memory(error: BaseException) -> bool:
    texts = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(text in str(error) for text in texts)
