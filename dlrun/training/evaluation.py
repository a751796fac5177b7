"""Evaluation: one pass over a split without training."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

from dlrun.data.loading.shard import WHOLE
from dlrun.data.loading.split import Split, in_order
from dlrun.optim.device import Device
from dlrun.optim.out_of_memory import is_out_of_memory
from dlrun.tasks.merging import Merges
from dlrun.tasks.modes import evaluating
from dlrun.tasks.task import Evaluation, Task
from dlrun.training.metric_choice import check_returned
from dlrun.training.out_of_memory import evaluation_error


def evaluate(
    task: Task,
    split: Split,
    *,
    device: Device,
    batch_size: int,
    before_batch: Callable[[], None] | None = None,
    receive: Callable[[Evaluation], None] | None = None,
) -> dict[str, float]:
    """Return a task's metrics on a split, computed in eval mode and without gradients.

    Several processes share the batches if the task can merge what they found; otherwise the first one has all of them.
    All of them return the same metrics.
    `before_batch` is called before each batch, in all processes at once, and may raise to end the pass; the task's mode
    is restored in any case.
    `receive` is given the evaluation at the end, where it has all batches, for what it has besides the metrics.
    Raises ConfigError if the memory is too small, or the task returns a metric that it does not declare.
    """
    try:
        with evaluating(task), without_gradients(device):
            metrics = _measured(
                task, split, device=device, batch_size=batch_size, before_batch=before_batch, receive=receive
            )
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise evaluation_error(batch_size, device) from error
    check_returned(task, metrics)
    return metrics


def without_gradients(device: Device) -> AbstractContextManager[None]:
    """Return the context of a forward pass without a backward pass.

    What a sharded model puts together here, it uses in training too, where tensors of inference mode are not allowed.
    """
    return torch.inference_mode() if device.group.shards is None else torch.no_grad()


def _measured(
    task: Task,
    split: Split,
    *,
    device: Device,
    batch_size: int,
    before_batch: Callable[[], None] | None,
    receive: Callable[[Evaluation], None] | None,
) -> dict[str, float]:
    group, evaluation = device.group, task.evaluation()
    merges = isinstance(evaluation, Merges)
    shard = group.shard if merges else WHOLE
    takes_all = group.is_first or group.shards is not None  # whose forward pass all processes take part in
    batches = in_order(split, batch_size=batch_size, shard=shard) if merges or takes_all else iter(())
    with device.autocast():
        for _ in range(-(-len(split) // (batch_size * shard.size))):  # as many rounds in every process
            if before_batch is not None:
                before_batch()
            batch = next(batches, None)
            if batch is not None:
                evaluation.add(batch)
            elif group.shards is not None:  # without a batch of its own it helps the others with theirs
                task.evaluation().add(split.fetch(slice(0, 1)))
    if isinstance(evaluation, Merges) and not group.is_alone:
        evaluation.merge(group)
    found = evaluation.result() if takes_all else {}
    if receive is not None and takes_all:
        receive(evaluation)
    metrics: dict[str, float] = group.from_first(found)
    group.share_random_state()  # in case the model draws also in evaluation
    return metrics
