"""Out-of-memory errors, reported with the settings that need less memory."""

from __future__ import annotations

from dlrun.configuration.schema.settings import TrainerSettings
from dlrun.errors import ConfigError, Problem
from dlrun.optim.device import Device


def training_error(settings: TrainerSettings, device: Device) -> ConfigError:
    """Return the error to raise if a training step runs out of memory."""
    half = max(1, settings.batch_size // 2)
    return ConfigError(
        Problem(
            f"trainer.batch_size={settings.batch_size}",
            f"A batch of this size does not fit the memory of {device.describe()}. The same step from smaller "
            f"batches: trainer.batch_size={half} trainer.accumulate={settings.accumulate * 2}",
            id="out-of-memory",
            fix=f"trainer.batch_size={half}",
        ),
        title="Out of memory",
    )


def evaluation_error(batch_size: int, device: Device) -> ConfigError:
    """Return the error to raise if an evaluation runs out of memory."""
    return ConfigError(
        Problem(
            f"trainer.eval_batch_size={batch_size}",
            f"An evaluation batch of this size does not fit the memory of {device.describe()}. Smaller batches give "
            f"the same metrics: trainer.eval_batch_size={max(1, batch_size // 4)}",
            id="out-of-memory",
            fix=f"trainer.eval_batch_size={max(1, batch_size // 4)}",
        ),
        title="Out of memory",
    )
