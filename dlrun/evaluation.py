"""One pass over a split without learning."""

from __future__ import annotations

from collections.abc import Callable

import torch

from dlrun.data.split import Split, in_order
from dlrun.device import Device
from dlrun.task import Task


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
    finally:
        task.train(was_training)
