"""One forward pass of a training step on a few rows, before training, to find out what it needs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.data.spec import Batch
from dlrun.errors import ConfigError, DlrunError, Problem
from dlrun.optim.device import Device
from dlrun.tasks.draws import own_draws
from dlrun.tasks.task import Task
from dlrun.training.out_of_memory import is_out_of_memory, training_error
from dlrun.training.shapes import Trace

SAMPLE_ROWS = 8


def sample_step(
    copied: Task,
    batch: Batch,
    config: RunConfig,
    device: Device,
    *,
    files: Sequence[Path] = (),
    within: AbstractContextManager[Any],
) -> Trace:
    """Take a training step without its backward pass; return the calls of layers.

    copied: a copy of the task, which the step may change; torch's random states stay unchanged. files: of the user,
    whose lines an error names. within: the context in which the step is taken.
    Raises ConfigError if the step fails.
    """
    trace = Trace()
    try:
        with own_draws(), trace.of(copied.weights()), device.autocast(), within:
            copied.train().train_step(batch, _ignore_update)
    except Exception as error:
        if isinstance(error, DlrunError):
            raise
        if is_out_of_memory(error):
            raise training_error(config.trainer, device) from error
        what = f"A training step fails. {trace.explain(error, files)}"
        raise ConfigError(Problem(f"model={config.model.name}", what, id="shapes")) from error
    return trace


def _ignore_update(group: str, loss: Tensor) -> None:
    """Stand in for the updater: no weight changes."""
