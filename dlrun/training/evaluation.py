"""Evaluation: one pass over a split without training."""

from __future__ import annotations

from collections.abc import Callable

import torch

from dlrun.data.loading.split import Split, in_order
from dlrun.optim.device import Device
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

    `before_batch` is called before each batch and may raise to end the pass; the task's mode is restored in any case.
    `receive` is given the evaluation at the end, for what it has besides the metrics.
    Raises ConfigError if the memory is too small, or the task returns a metric that it does not declare.
    """
    was_training = task.training
    task.eval()
    try:
        with torch.inference_mode():
            evaluation = task.evaluation()
            with device.autocast():
                for batch in in_order(split, batch_size=batch_size):
                    if before_batch is not None:
                        before_batch()
                    evaluation.add(batch)
            metrics = evaluation.result()
            if receive is not None:
                receive(evaluation)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise evaluation_error(batch_size, device) from error
    finally:
        task.train(was_training)
    check_returned(task, metrics)
    return metrics
