"""Evaluation: one pass over a split without training."""

from __future__ import annotations

from collections.abc import Callable

import torch

from dlrun.data.loading.shard import WHOLE
from dlrun.data.loading.split import Split, in_order
from dlrun.optim.device import Device
from dlrun.tasks.merging import Merges
from dlrun.tasks.task import Evaluation, Task
from dlrun.training.metric_choice import check_returned
from dlrun.training.out_of_memory import evaluation_error, is_out_of_memory


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
    `receive` is given the evaluation at the end, in the first process, for what it has besides the metrics.
    Raises ConfigError if the memory is too small, or the task returns a metric that it does not declare.
    """
    was_training = task.training
    task.eval()
    try:
        with torch.inference_mode():
            metrics = _measured(
                task, split, device=device, batch_size=batch_size, before_batch=before_batch, receive=receive
            )
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise evaluation_error(batch_size, device) from error
    finally:
        task.train(was_training)
    check_returned(task, metrics)
    return metrics


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
    batches = in_order(split, batch_size=batch_size, shard=shard) if merges or group.is_first else iter(())
    with device.autocast():
        for _ in range(-(-len(split) // (batch_size * shard.size))):  # as many rounds in every process
            if before_batch is not None:
                before_batch()
            batch = next(batches, None)
            if batch is not None:
                evaluation.add(batch)
    if isinstance(evaluation, Merges) and not group.is_alone:
        evaluation.merge(group)
    found = evaluation.result() if group.is_first else {}
    if receive is not None and group.is_first:
        receive(evaluation)
    metrics: dict[str, float] = group.from_first(found)
    return metrics
