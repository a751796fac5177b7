"""The training loop, readable from top to bottom. It knows tasks, splits and progress, and no model by name."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from dlrun.configuration.schema.fields import Augment
from dlrun.configuration.schema.settings import CheckpointSettings, TrainerSettings
from dlrun.data.loading.split import Loader
from dlrun.data.prepare import DataBundle
from dlrun.data.spec import Batch
from dlrun.optim.device import Device, synchronise
from dlrun.optim.ema import WeightAverage
from dlrun.optim.finite import NotFinite
from dlrun.optim.schedule import Horizon, Schedule
from dlrun.optim.updater import Updater
from dlrun.storage.background import Saver
from dlrun.storage.checkpoints import CheckpointStore, Snapshot
from dlrun.tasks.progress import Listener, Progress, RunningMeans
from dlrun.tasks.task import Task
from dlrun.training.bookkeeping import Recorder, TimeUp
from dlrun.training.out_of_memory import is_out_of_memory, too_large_a_batch
from dlrun.training.signals import StopRequest
from dlrun.training.state import Trained, capture

Outcome = Literal["completed", "stopped early", "out of time"]


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
        self.task, self.device, self.updater = task, device, updater
        self.settings, self.checkpointing, self.store = settings, checkpointing, store
        self.progress = progress or Progress()
        self.means = means or RunningMeans(on_cpu=device.is_cpu)
        self.state = Trained(task, updater, schedule, self.means, ema)
        self.capsule = capsule  # the folder for what a step that went bad leaves
        self.horizon = horizon(len(data.train), settings)
        self.about = about or {}
        self._stop = stop or StopRequest()
        self.first: Snapshot | None = None  # the state before the first step, until there is a checkpoint
        self.recorder = Recorder(
            self.state,
            self.progress,
            data=data,
            device=device,
            settings=settings,
            metric=metric,
            saver=Saver(store),
            listeners=listeners,
            stop=self._stop,
            about=self.about,
        )
        self._loader = Loader(
            data.train, batch_size=settings.batch_size, seed=seed, shuffle=settings.shuffle, augment=augment
        )

    def fit(self) -> Outcome:
        """Train from where `progress` stands to the end.

        Raises NotFinite, Interrupted (after saving), StorageError, or ConfigError when the memory is too small.
        """
        self.task.train()
        self._stop.stop_after(self.settings.max_time_s)
        if not self.progress.step:
            self.first = capture(self.state, self.progress, about=self.about)
        try:
            return self._fit()
        except TimeUp:
            return "out of time"
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise too_large_a_batch(self.settings, self.device) from error
        finally:
            self.recorder.saver.finish()

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
            self.recorder.log()
        if progress.batch >= len(self._loader) or self._is_over():
            return self._is_over()  # `_end_of_epoch` evaluates and saves
        due = bool(settings.eval_every_steps) and progress.step % (settings.eval_every_steps or 1) == 0
        self._evaluate_and_save(evaluate=due)
        return False

    def _evaluate_and_save(self, *, evaluate: bool) -> None:
        """What happens between two steps within an epoch, besides logging."""
        step, every = self.progress.step, self.checkpointing.every_steps
        is_best = self.recorder.evaluate() if evaluate else False
        if is_best or self._stop.noted or (every is not None and step % every == 0):
            self._save(is_best=is_best)
        self.recorder.leave_if_asked()

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
        is_best = self.recorder.evaluate() if due or over or progress.evaluation_due else False
        over = over or self._has_stalled()
        if over or is_best or self._stop.noted or (complete and every and progress.epoch % every == 0):
            self._save(is_best=is_best)
        if not over:
            self.recorder.leave_if_asked()

    def _after_evaluation_point(self) -> None:
        """Go on with an evaluation that a stop broke off."""
        if self.progress.batch and not self._is_over():
            self._evaluate_and_save(evaluate=True)
        else:
            self._after_epoch(complete=not self.progress.batch)

    def _save(self, *, is_best: bool) -> None:
        self.recorder.save(is_best=is_best)
        self.first = None
