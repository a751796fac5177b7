"""One forward pass of a training step on a few rows, before training, to find out what it needs; and those rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.data.prepare import DataBundle
from dlrun.data.spec import Batch
from dlrun.errors import ConfigError, DlrunError, Problem
from dlrun.optim.device import Device
from dlrun.optim.out_of_memory import is_out_of_memory
from dlrun.tasks.draws import own_draws
from dlrun.tasks.task import Task
from dlrun.training.out_of_memory import training_error
from dlrun.training.shapes import Trace

_MOST_ROWS = 8


def longest_rows(data: DataBundle, config: RunConfig) -> Batch:
    """Return a few of the longest training rows: those that need the most memory."""
    return _rows(data, config, lambda lengths, count: lengths.topk(count).indices)


def usual_rows(data: DataBundle, config: RunConfig) -> Batch:
    """Return a few training rows whose lengths are nearest to the mean: rows of a batch have similar lengths."""
    return _rows(data, config, _nearest_to_mean)


def _nearest_to_mean(lengths: Tensor, count: int) -> Tensor:
    apart = (lengths.double() - lengths.double().mean()).abs()
    return apart.topk(count, largest=False).indices


def _rows(data: DataBundle, config: RunConfig, choose: Callable[[Tensor, int], Tensor]) -> Batch:
    """At most a batch of rows: the first, or those that `choose` returns the numbers of, given all lengths, (N,)."""
    count, lengths = min(_MOST_ROWS, config.trainer.batch_size, len(data.train)), data.train.lengths
    if lengths is None:
        return data.train.fetch(slice(0, count))
    return data.train.fetch(choose(lengths, count).to(data.train.index_device))


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
            copied.train().train_step(batch, ignore_update)
    except Exception as error:
        if isinstance(error, DlrunError):
            raise
        if is_out_of_memory(error):
            raise training_error(config.trainer, device) from error
        what = f"A training step fails. {trace.explain(error, files)}"
        raise ConfigError(Problem(f"model={config.model.name}", what, id="shapes")) from error
    return trace


def ignore_update(group: str, loss: Tensor) -> None:
    """Stand in for the updater in a step in which no weight is to change."""
