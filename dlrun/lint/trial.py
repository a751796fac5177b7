"""The first steps of a run, taken on a copy of its model: what the configured optimizer and rate make of the loss."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.data.loading.split import Loader
from dlrun.data.spec import Batch
from dlrun.lint.subject import Subject
from dlrun.optim.finite import NotFinite
from dlrun.optim.updater import Updater
from dlrun.tasks.draws import own_draws
from dlrun.tasks.goals import goal_of, num_logits
from dlrun.tasks.progress import RunningMeans
from dlrun.tasks.task import SupervisedTask, Update
from dlrun.training.build import build_optimizers, build_schedule
from dlrun.training.state import TrainingState
from dlrun.training.step import take_step

_STEPS = 30
_SECONDS = 0.3  # of processor time; large models take fewer steps
_SMOOTHED = 3  # batches whose losses are added before they are compared


@dataclass(frozen=True)
class Trial:
    """What happened. losses: of each batch; chance: what the same batches give if the model answers 0 everywhere."""

    losses: Sequence[float]
    chance: Sequence[float]
    diverged: bool  # a loss or a gradient is not finite
    seconds_per_step: float = 0.0  # of processor time, after the first step

    @property
    def explosion(self) -> float:
        """How many times the loss, over a few batches, exceeded both the first loss and chance; 1 if it never did."""
        if self.diverged:
            return float("inf")
        whole = sum(self.chance) / len(self.chance)
        least = max(whole, self.losses[0])
        found = 1.0
        for first in range(1, len(self.losses) - _SMOOTHED + 1):
            part = slice(first, first + _SMOOTHED)
            base = max(least, sum(self.chance[part]) / _SMOOTHED)
            if base > 0:
                found = max(found, sum(self.losses[part]) / _SMOOTHED / base)
        return found


def take_trial(subject: Subject, config: RunConfig, *, steps: int = _STEPS, seconds: float = _SECONDS) -> Trial:
    """Take up to `steps` steps of a supervised run's training on a fresh copy, on its own batches.

    config: the subject's, perhaps with another rate. seconds: of processor time, after which it ends early.
    """
    task = subject.fresh_task()
    if not isinstance(task, SupervisedTask):
        raise TypeError(f"Expected a supervised task, got {type(task).__name__}.")
    task.train()
    device = subject.components.device
    state = TrainingState(
        task,
        Updater(build_optimizers(task, config, subject.catalog), device=device, clip_norm=config.trainer.clip_norm),
        build_schedule(config, subject.catalog, len(subject.data.train)),
        RunningMeans(on_cpu=device.is_cpu),
    )
    losses: list[float] = []
    chance: list[float] = []

    def train_step(batch: Batch, update: Update) -> dict[str, Tensor]:
        chance.append(chance_loss(task, batch))
        return task.train_step(batch, update)

    def on_metrics(values: dict[str, Tensor]) -> None:
        losses.append(float(values["loss"]))
        if not abs(losses[-1]) < float("inf"):
            raise NotFinite

    started = time.process_time()
    first_ended, taken, diverged = started, 0, False
    with own_draws(), device.autocast():
        torch.manual_seed(config.seed)
        try:
            for batches in itertools.islice(_steps(subject, config), steps):
                take_step(state, batches, train_step=train_step, on_metrics=on_metrics)
                taken += 1
                first_ended = time.process_time() if taken == 1 else first_ended
                if time.process_time() > started + seconds:
                    break
        except NotFinite:
            diverged = True
    spent = (time.process_time() - first_ended) / (taken - 1) if taken > 1 else first_ended - started
    return Trial(losses or [float("nan")], chance, diverged, spent)


def seconds_per_step(subject: Subject) -> float:
    """Return the processor time of a step of a supervised run, which no faster run can undercut by much."""
    keys = ("dataset", "model", "loss", "device", "optimizer.name", "trainer.batch_size", "trainer.accumulate")
    return subject.once("seconds per step", keys, lambda: take_trial(subject, subject.config).seconds_per_step)


def chance_loss(task: SupervisedTask, batch: Batch) -> float:
    """Return the loss of a batch if every output is 0: ln(classes) for a cross entropy, 1 for standardised numbers."""
    rows, *steps = batch.targets.shape if goal_of(task.spec).predicts_each_step else batch.targets.shape[:1]
    outputs = torch.zeros(rows, *steps, num_logits(task.spec), device=batch.targets.device)
    with torch.no_grad():
        return float(task.loss_of(outputs, batch))


def _steps(subject: Subject, config: RunConfig) -> Iterator[tuple[Batch, ...]]:
    """The batches of each step, epoch after epoch, as the trainer takes them."""
    settings = config.trainer
    loader = Loader(
        subject.data.train,
        batch_size=settings.batch_size,
        seed=config.seed,
        shuffle=settings.shuffle,
        augment=config.dataset_settings.augment,
    )
    for epoch in itertools.count():
        batches = loader.epoch(epoch)
        while group := tuple(itertools.islice(batches, settings.accumulate)):
            yield group
