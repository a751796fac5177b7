"""The training loop and its step, readable from top to bottom; no model or dataset has a special case here."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.data.loading.split import Loader
from dlrun.data.spec import Batch
from dlrun.optim.device import synchronise
from dlrun.optim.finite import NotFinite
from dlrun.optim.out_of_memory import is_out_of_memory
from dlrun.storage.background import Saver
from dlrun.storage.checkpoints import CheckpointStore, Snapshot
from dlrun.tasks.progress import Listener, Progress, tell_all
from dlrun.training.bookkeeping import Recorder, TimeUp
from dlrun.training.build import Components, horizon
from dlrun.training.out_of_memory import training_error
from dlrun.training.phases import Instrument, fetched
from dlrun.training.processes.agreement import AgreedStop
from dlrun.training.processes.shared_step import SharedStep
from dlrun.training.signals import StopRequest
from dlrun.training.state import TrainingState, capture
from dlrun.training.step import TrainStep, take_step
from dlrun.training.step_choice import choose_step

Outcome = Literal["completed", "stopped early", "out of time"]


class Trainer:
    """Trains a task until the run is done, stopped or diverged; `fit` may be called once.

    metadata: the run and environment, as every checkpoint describes them.
    """

    def __init__(
        self,
        config: RunConfig,
        components: Components,
        state: TrainingState,
        *,
        store: CheckpointStore,
        metadata: Mapping[str, Any],
        listeners: Sequence[Listener] = (),
        stop: StopRequest | None = None,
    ) -> None:
        self.state, self.device, self.store, self.metadata = state, components.device, store, metadata
        self.settings, self.checkpointing = config.trainer, config.checkpoint
        self.horizon = horizon(len(components.data.train), config.trainer)
        self.initial_snapshot: Snapshot | None = None  # the state before the first step, until a checkpoint exists
        self.saver = Saver(store)
        self.group = components.device.group
        self._stop = stop or StopRequest()
        recorder = self._recorder = Recorder(
            state,
            components,
            config.trainer,
            saver=self.saver,
            listeners=listeners,
            stop=self._stop,
            metadata=metadata,
        )
        self._make_loader = partial(
            Loader,
            components.data.train,
            batch_size=config.trainer.batch_size,
            seed=config.seed,
            shuffle=config.trainer.shuffle,
            augment=config.dataset_settings.augment,
        )
        self._train_step: TrainStep = state.task.train_step
        self._loader = self._make_loader()
        if not self.group.is_alone:
            shared = SharedStep(state, self.group, components.data.train.targets)
            self._train_step = shared
            self._loader = self._make_loader(shard=self.group.shard, with_targets=shared.needs_targets)
        self._fetch: Callable[[Iterator[Batch]], Batch] | None = None
        self._choose_step = partial(choose_step, config, components, state, tell=partial(tell_all, listeners))
        self._log, self._evaluate, self._write_checkpoint = recorder.log, recorder.evaluate, recorder.save

    @property
    def progress(self) -> Progress:
        """The progress of the run."""
        return self.state.progress

    def instrument(self, wrap: Instrument) -> None:
        """Replace the function of each phase by `wrap(phase, function)`; call this before `fit`, to measure the run.

        Phases: "data" (fetch a batch), "train_step" (the task's step, with the next three inside), "backward"
        (gradients), "sum" (of the gradients of all processes, if there are several), "step" (the optimizer),
        "evaluate", "log" and "save" (until training continues).
        """
        self._fetch = wrap("data", next)
        self._train_step = wrap("train_step", self._train_step)
        self.state.updater.instrument(wrap)
        self._evaluate, self._log = wrap("evaluate", self._evaluate), wrap("log", self._log)
        self._write_checkpoint = wrap("save", self._write_checkpoint)

    def leave_group(self) -> None:
        """Train alone from now on, on whole batches; the other processes of the group must have stopped."""
        self.group.leave()
        self._train_step, self._loader = self.state.task.train_step, self._make_loader()

    def fit(self) -> Outcome:
        """Train from the current progress to the end.

        Raises NotFinite, Interrupted (after saving), StorageError, or ConfigError if the memory is too small.
        """
        self.begin()
        measured = self._fetch is not None
        self._train_step = self._choose_step(self._train_step, steps=self.horizon.total_steps, measured=measured)
        try:
            return self._train_epochs()
        except TimeUp:
            return "out of time"
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise training_error(self.settings, self.device) from error
        finally:
            self.saver.finish()

    def begin(self) -> None:
        """Make ready for the first step."""
        self.state.task.train()
        self._stop.stop_after(self.settings.max_time_s)
        if not self.progress.step and self.group.shards is None:
            self.initial_snapshot = capture(self.state, metadata=self.metadata)

    @property
    def is_epoch_over(self) -> bool:
        """Whether the epoch has no more batches, or the next one has not begun."""
        return self.progress.batch in (0, len(self._loader))

    @property
    def leg_end(self) -> int:
        """The next step after which there is something to do besides training, or the epoch ends."""
        return min(self._next_pause(), self.progress.step + len(self._loader) - self.progress.batch)

    def end_leg(self) -> Outcome | None:
        """Do what `fit` does between steps, for a caller that takes the steps itself; return the outcome, if any.

        Raises NotFinite, Interrupted or TimeUp (after saving), or StorageError.
        """
        self._pause()
        if not self._is_done() and self.progress.batch < len(self._loader):
            return None
        self._end_epoch()
        return "completed" if self._is_done() else "stopped early" if self._has_stalled() else None

    def _train_epochs(self) -> Outcome:
        if self.progress.evaluation_due:
            self._repeat_evaluation()
        while not self._is_done() and not self._has_stalled():
            self._train_epoch()
            self._end_epoch()
        return "completed" if self._is_done() else "stopped early"

    def _is_done(self) -> bool:
        """Whether all epochs or steps are complete."""
        epochs, max_steps = self.settings.epochs, self.settings.max_steps
        return (epochs is not None and self.progress.epoch >= epochs) or (
            max_steps is not None and self.progress.step >= max_steps
        )

    def _has_stalled(self) -> bool:
        """Whether early stopping ends the run: the metric has not improved for `patience` evaluations."""
        patience = self.settings.early_stop.patience
        return patience is not None and self.progress.evaluations_without_gain >= patience

    def _train_epoch(self) -> None:
        """Train on the rest of the epoch, or until `max_steps`."""
        state, progress, device = self.state, self.progress, self.device
        train_step, on_metrics, stop = self._train_step, self._add_metrics, self._stop
        pause = self._next_pause()
        started = time.perf_counter()
        with device.autocast():
            for batches in self.step_batches(progress):
                take_step(state, batches, train_step=train_step, on_metrics=on_metrics)
                stop.after_step()
                if progress.step >= pause or stop.pending:
                    progress.train_seconds += time.perf_counter() - started
                    if self._pause():
                        return
                    pause = self._next_pause()
                    started = time.perf_counter()
        synchronise(device.torch)
        progress.train_seconds += time.perf_counter() - started

    def step_batches(self, progress: Progress) -> Iterator[Sequence[Batch]]:
        """Yield the batches of each step in the rest of the epoch: `accumulate` of them, or fewer in the last step."""
        batches = self._loader.epoch(progress.epoch, start=progress.batch)
        if self._fetch is not None:
            batches = fetched(batches, self._fetch)
        if self.settings.accumulate == 1:
            yield from zip(batches)
            return
        while group := tuple(itertools.islice(batches, self.settings.accumulate)):
            yield group

    def _add_metrics(self, values: dict[str, Tensor]) -> None:
        if self.state.means.add(values):
            return
        if not isinstance(self._stop, AgreedStop):
            raise NotFinite
        self._stop.saw_not_finite = True  # which ends all processes after the next step

    def _next_pause(self) -> int:
        """Return the next step after which there may be something to do besides training."""
        step, settings = self.progress.step, self.settings
        candidates = [settings.max_steps or 10**18]
        for every in (settings.log_every, settings.eval_every_steps, self.checkpointing.every_steps):
            if every:
                candidates.append(step - step % every + every)
        return min(candidates)

    def _pause(self) -> bool:
        """Log, evaluate and save if it is time to; return whether the epoch ends here, before its last batch."""
        progress, settings = self.progress, self.settings
        if settings.log_every and progress.step % settings.log_every == 0:
            self._log()
        if progress.batch >= len(self._loader) or self._is_done():
            return self._is_done()  # `_end_epoch` evaluates and saves
        self._evaluate_and_save(evaluate=self._is_due(settings.eval_every_steps))
        return False

    def _is_due(self, every_steps: int | None) -> bool:
        """Whether something that is done every so many steps is due after this one."""
        return bool(every_steps) and self.progress.step % (every_steps or 1) == 0

    def _evaluate_and_save(self, *, evaluate: bool) -> None:
        """Evaluate and save between two steps of an epoch; stop if requested."""
        is_best = self._evaluate() if evaluate else False
        if is_best or self._stop.pending or self._is_due(self.checkpointing.every_steps):
            self._save(is_best=is_best)
        self._recorder.stop_if_requested()

    def _end_epoch(self) -> None:
        """Count the epoch if it is complete; evaluate and save if it is time to."""
        progress = self.progress
        complete = progress.batch >= len(self._loader)
        if complete:
            progress.epoch, progress.batch = progress.epoch + 1, 0
        self._after_epoch(complete=complete)

    def _after_epoch(self, *, complete: bool) -> None:
        progress, every = self.progress, self.checkpointing.every_epochs
        is_last = self._is_done()
        due = complete and bool(self.settings.eval_every) and progress.epoch % self.settings.eval_every == 0
        due = due or self._is_due(self.settings.eval_every_steps)
        is_best = self._evaluate() if due or is_last or progress.evaluation_due else False
        is_last = is_last or self._has_stalled()
        due = (complete and every and progress.epoch % every == 0) or self._is_due(self.checkpointing.every_steps)
        if is_last or is_best or self._stop.pending or due:
            self._save(is_best=is_best)
        if not is_last:
            self._recorder.stop_if_requested()

    def _repeat_evaluation(self) -> None:
        """Repeat an evaluation that was interrupted before the run was resumed."""
        if self.progress.batch and not self._is_done():
            self._evaluate_and_save(evaluate=True)
        else:
            self._after_epoch(complete=not self.progress.batch)

    def _save(self, *, is_best: bool) -> None:
        self._write_checkpoint(is_best=is_best)
        self.initial_snapshot = None
