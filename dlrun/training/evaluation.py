"""One pass over a split without learning."""

from __future__ import annotations

from collections.abc import Callable

import torch

from dlrun.data.loading.split import Split, in_order
from dlrun.optim.device import Device
from dlrun.tasks.task import Task
from dlrun.training.out_of_memory import is_out_of_memory, too_many_rows_at_once


def evaluate(
    task: Task,
    split: Split,
    *,
    device: Device,
    batch_size: int,
    between: Callable[[], None] | None = None,
) -> dict[str, float]:
    """Metrics of a task on a split, in eval mode and without recording gradients.

    `between` is called before each batch and may raise to end the pass; the task is then as it was before.
    Raises ConfigError when the memory is too small.
    """
    was_training = task.training
    task.eval()
    try:
        with torch.inference_mode():
            evaluation = task.evaluation()
            with device.autocast():
                for batch in in_order(split, batch_size=batch_size):
                    if between is not None:
                        between()
                    evaluation.add(batch)
            return evaluation.result()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise too_many_rows_at_once(batch_size, device) from error
    finally:
        task.train(was_training)
