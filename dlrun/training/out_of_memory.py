"""Out-of-memory errors, reported with the settings that need less memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dlrun.configuration.schema.settings import TrainerSettings
from dlrun.errors import ConfigError, DlrunError, Problem
from dlrun.optim.device import Device
from dlrun.optim.out_of_memory import is_out_of_memory


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


@contextmanager
def telling_of_memory(group: str, name: str, fields: Mapping[str, Any]) -> Iterator[None]:
    """A block that builds an option; a failed allocation in it becomes an error with what needs less.

    fields: the option's settings. Raises ConfigError for such an error; others pass.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, DlrunError) or not is_out_of_memory(error):
            raise
        raise building_error(group, name, fields) from error


def building_error(group: str, name: str, fields: Mapping[str, Any]) -> ConfigError:
    """Return the error to raise if an option's data or weights do not fit into memory. fields: its settings."""
    less = "a smaller dataset.limit" if group == "dataset" else "smaller layers"
    fix = "dataset.in_memory=false" if group == "dataset" and fields.get("in_memory", False) is not False else None
    what = "It does not fit into memory: the system gave no more."
    advice = f"Use {fix}, or {less}." if fix else f"Free some, or use {less}."
    return ConfigError(
        Problem(f"{group}={name}", f"{what} {advice}", id="out-of-memory", fix=fix), title="Out of memory"
    )
