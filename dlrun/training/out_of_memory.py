"""Errors of a memory that is too small, in words."""

from __future__ import annotations

import torch

from dlrun.configuration.schema.settings import TrainerSettings
from dlrun.errors import ConfigError, Problem
from dlrun.optim.device import Device

_TEXTS = ("can't allocate memory", "not enough memory", "out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory could not be had."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(text in str(error) for text in _TEXTS)


def too_large_a_batch(settings: TrainerSettings, device: Device) -> ConfigError:
    """What to say when a step of training needs more memory than there is."""
    half = max(1, settings.batch_size // 2)
    return ConfigError(
        Problem(
            f"trainer.batch_size={settings.batch_size}",
            f"The memory of {device.describe()} is too small for a batch of this size. The same step from "
            f"smaller batches: trainer.batch_size={half} trainer.accumulate={settings.accumulate * 2}",
        ),
        title="Out of memory",
    )


def too_many_rows_at_once(batch_size: int, device: Device) -> ConfigError:
    """What to say when evaluating needs more memory than there is."""
    return ConfigError(
        Problem(
            f"trainer.eval_batch_size={batch_size}",
            f"The memory of {device.describe()} is too small to evaluate so many rows at once; the metrics are the "
            f"same in smaller batches: trainer.eval_batch_size={max(1, batch_size // 4)}",
        ),
        title="Out of memory",
    )
