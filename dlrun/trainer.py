"""The training loop, readable from top to bottom. It knows tasks, splits and progress, and no model by name."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Literal

import torch

from dlrun.checkpoint import CheckpointStore
from dlrun.data.prepare import DataBundle
from dlrun.data.spec import Batch
from dlrun.data.split import Loader, Split, in_order
from dlrun.device import Device, synchronise
from dlrun.errors import DivergedError, Interrupted
from dlrun.events import Listener
from dlrun.fields import Augment
from dlrun.metric_names import HIGHER_IS_BETTER
from dlrun.progress import Best, Progress, RunningMeans
from dlrun.schedule import Horizon, Schedule
from dlrun.settings import CheckpointSettings, TrainerSettings
from dlrun.signals import StopRequest
from dlrun.task import Task
from dlrun.train_state import capture
from dlrun.updater import Updater

Outcome = Literal["completed", "stopped early"]


def evaluate(task: Task, split: Split, *, device: Device, batch_size: int) -> dict[str, float]:
    """Metrics of a task on a split, in eval mode and without recording gradients."""
    was_training = task.training
    task.eval()
    with torch.inference_mode():
        evaluation = task.evaluation()
        with device.autocast():
            for batch in in_order(split, batch_size=batch_size):
                evaluation.add(batch)
        result = evaluation.result()
    task.train(was_training)
    return result


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
        listeners: Sequence[Listener] = (),
        stop: StopRequest | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.task, self.data, self.device = task, data, device
        self.updater, self.schedule = updater, schedule
        self.settings, self.checkpointing, self.store = settings, checkpointing, store
        self.metric = metric
        self.progress = progress or Progress()
        self.means = means or RunningMeans(on_cpu=device.is_cpu)
        self.horizon = horizon(len(data.train), settings)
        self._listeners = listeners
        self._stop = stop or StopRequest()
        self._about = about or {}
        self._loader = Loader(
            data.train, batch_size=settings.batch_size, seed=seed, shuffle=settings.shuffle, augment=augment
        )
        self._started = time.perf_counter() - self.progress.total_seconds

    def fit(self) -> Outcome:
        """Train from where `progress` stands to the end.

        Raises DivergedError, Interrupted (after saving) or StorageError.
        """
        self.task.train()
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
        progress, device, updater, task = self.progress, self.device, self.updater, self.task
        context = device.autocast() if device.precision != "fp32" else nullcontext()
        constant = self.schedule.is_constant
        pause = self._next_pause()
        started = time.perf_counter()
        with context:
            for window in self._windows():
                if not constant:
                    updater.set_factor(self.schedule.factor(progress.step))
                rows = sum(len(batch.targets) for batch in window)
                for number, batch in enumerate(window, start=1):
                    updater.weight = len(batch.targets) / rows
                    updater.is_last = number == len(window)
                    finite = self.means.add(task.train_step(batch, updater))
                    if not finite:
                        raise self._diverged()
                progress.step += 1
                progress.batch += len(window)
                progress.samples += rows
                if progress.step >= pause or self._stop.signal is not None:
                    progress.train_seconds += time.perf_counter() - started
                    if self._pause():
                        return
                    pause = self._next_pause()
                    started = time.perf_counter()
        synchronise(device.torch)
        progress.train_seconds += time.perf_counter() - started

    def _windows(self) -> Iterator[Sequence[Batch]]:
        """Batches in groups that make one step each; the last of an epoch may be smaller."""
        batches = self._loader.epoch(self.progress.epoch, start=self.progress.batch)
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
        if progress.batch >= len(self._loader):
            return False  # `_end_of_epoch` evaluates and saves
        evaluated = bool(settings.eval_every_steps) and progress.step % (settings.eval_every_steps or 1) == 0
        is_best = self._evaluate() if evaluated else False
        due = self.checkpointing.every_steps is not None and progress.step % self.checkpointing.every_steps == 0
        if due or is_best or self._stop.signal is not None:
            self._save(is_best=is_best)
        self._leave_if_asked()
        return settings.max_steps is not None and progress.step >= settings.max_steps

    def _end_of_epoch(self) -> None:
        """Close the epoch: evaluate and save as asked."""
        progress, settings = self.progress, self.settings
        complete = progress.batch >= len(self._loader)
        if complete:
            progress.epoch, progress.batch = progress.epoch + 1, 0
        over = self._is_over()
        due = complete and bool(settings.eval_every) and progress.epoch % settings.eval_every == 0
        is_best = self._evaluate() if due or over else False
        every = self.checkpointing.every_epochs
        over = over or self._has_stalled()
        if over or is_best or self._stop.signal is not None or (complete and every and progress.epoch % every == 0):
            self._save(is_best=is_best)
        if not over:
            self._leave_if_asked()

    def _row(self) -> dict[str, float]:
        progress = self.progress
        epoch = progress.epoch + (1 if progress.batch else 0)
        return {"step": progress.step, "epoch": epoch, "seconds": round(time.perf_counter() - self._started, 3)}

    def _take_means(self) -> dict[str, float]:
        """Means of the steps' scalars since they were last taken, added to the sums of the evaluation at hand."""
        sums, count = self.means.take()
        if not all(value - value == 0.0 for value in sums.values()):
            raise self._diverged()
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
        row = self._row()
        row.update(
            {f"train/{name}": value / max(1, progress.loss_steps) for name, value in progress.loss_totals.items()}
        )
        progress.loss_totals, progress.loss_steps = {}, 0
        is_best = False
        if self.data.val is not None:
            started = time.perf_counter()
            metrics = evaluate(self.task, self.data.val, device=self.device, batch_size=self.settings.eval_batch_size)
            progress.eval_seconds += time.perf_counter() - started
            row.update({f"val/{name}": value for name, value in metrics.items()})
            is_best = self._judge(metrics[self.metric], epoch=int(row["epoch"]))
        for listener in self._listeners:
            listener.on_epoch(progress, row)
        return is_best

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
        self.progress.total_seconds = time.perf_counter() - self._started
        snapshot = capture(self.task, self.updater, self.schedule, self.progress, self.means, about=self._about)
        self.store.save(snapshot, is_best=is_best)

    def _leave_if_asked(self) -> None:
        number = self._stop.signal
        if number is not None:
            raise Interrupted(
                number, f"Stopped at step {self.progress.step} of epoch {self.progress.epoch + 1}; everything is saved."
            )

    def _diverged(self) -> DivergedError:
        return DivergedError(
            f"The loss is no longer a finite number at step {self.progress.step + 1}. "
            f"Try a smaller optimizer.lr (now {self.updater.lr:g}), trainer.clip_norm=1, or dataset.standardise=true."
        )
