"""One step of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from dlrun.data.spec import Batch
from dlrun.tasks.task import Update
from dlrun.training.shares import shares
from dlrun.training.state import TrainingState

TrainStep = Callable[[Batch, Update], dict[str, Tensor]]


def take_step(
    state: TrainingState,
    batches: Sequence[Batch],
    *,
    train_step: TrainStep,
    on_metrics: Callable[[dict[str, Tensor]], None],
) -> None:
    """Take one step of training; the gradients of several batches are accumulated. `on_metrics` gets each's scalars."""
    progress, updater = state.progress, state.updater
    if not state.schedule.is_constant:
        updater.set_factor(state.schedule.factor(progress.step))
    rows = sum(batch.num_rows for batch in batches)
    for number, (batch, share) in enumerate(zip(batches, shares(batches, rows), strict=True), start=1):
        updater.weight = share
        updater.is_last = number == len(batches)
        on_metrics(train_step(batch, updater))
    progress.step += 1
    progress.batch += len(batches)
    progress.samples += rows
    if state.ema is not None:
        state.ema.update(progress.step)
