"""One step of training, and how much each of its batches counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dlrun.data.spec import Batch
from dlrun.optim.distributed.group import Group
from dlrun.tasks.task import Update
from dlrun.training.state import TrainingState

TrainStep = Callable[[Batch, Update], dict[str, Tensor]]


def take_step(
    state: TrainingState,
    batches: Sequence[Batch],
    *,
    train_step: TrainStep,
    on_metrics: Callable[[dict[str, Tensor]], None],
    group: Group | None = None,
) -> None:
    """Take one step of training; the gradients of several batches are accumulated.

    on_metrics: receives each batch's scalars. group: of the processes that share each batch, if there are any; then the
    scalars are multiplied by this process's share of the batch, so that their sum over the processes is that of it.
    """
    progress, updater = state.progress, state.updater
    if not state.schedule.is_constant:
        updater.set_factor(state.schedule.factor(progress.step))
    rows = sum(batch.num_rows for batch in batches)
    for number, (batch, share) in enumerate(zip(batches, shares(batches, rows), strict=True), start=1):
        updater.weight = share
        updater.is_last = number == len(batches)
        if group is None:
            on_metrics(train_step(batch, updater))
            continue
        group.part = batch.part
        on_metrics(scaled(train_step(batch, updater), batch))
    progress.step += 1
    progress.batch += len(batches)
    progress.samples += rows
    if state.ema is not None:
        state.ema.update(progress.step)


def shares(batches: Sequence[Batch], rows: int) -> Sequence[float]:
    """Return the share of each batch in the step: of its `rows`, or of their weights if they have some.

    Of a batch that several processes share, it is the share of this process's rows.
    """
    if len(batches) == 1 and batches[0].part is None:
        return (1.0,)
    weights = [batch.weights.sum() for batch in batches if batch.weights is not None]
    whole = [batch.weights_of_all.sum() for batch in batches if batch.weights_of_all is not None]
    total = float(torch.stack(whole).sum()) if whole else 0.0
    if not total:  # no weights, or all of them are 0 and so is the loss
        return [batch.num_own / rows for batch in batches]
    return [float(weight) * bool(batch.num_own) / total for weight, batch in zip(weights, batches, strict=True)]


def scaled(values: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
    """Return the scalars of a batch times this process's share of it, so that their sum is that of the whole batch."""
    (own,) = shares((batch,), batch.num_rows)
    return {name: value * own for name, value in values.items()}
