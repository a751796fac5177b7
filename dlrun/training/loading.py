"""The data of a run, loaded by itself or once for several runs, and what else is given to runs that share a machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.configuration.auto import Facts
from dlrun.configuration.run_config import RunConfig, resolve_auto
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.goals import has_numbers
from dlrun.data.loading.memory import returning_memory
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.source import Source
from dlrun.optim import device
from dlrun.optim.device import Device
from dlrun.training.call_option import call_option
from dlrun.training.out_of_memory import telling_of_memory

Loaded = tuple[RunConfig, DataBundle, Mapping[str, Any]]
"""The configuration with the dataset's `auto` fields worked out, the data on the device, and those values by key."""

LoadData = Callable[[RunConfig, Catalog, Device], Loaded]


def load_data(
    config: RunConfig,
    catalog: Catalog,
    chosen: Device,
    *,
    see: Callable[[Source, DatasetSettings], None] = lambda source, settings: None,
) -> Loaded:
    """Load, split and scale the data.

    see: is given the raw rows before they are split.
    Raises ConfigError or DataError if it cannot be trained on.
    """
    with returning_memory():
        source = call_option(catalog, "dataset", config.dataset.name, **config.dataset.arguments)
        config, decided = resolve_auto(config, catalog, _facts_of(source), groups=("dataset",))
        see(source, config.dataset_settings)
        with telling_of_memory("dataset", config.dataset.name, config.dataset.arguments):
            data = prepare(config.dataset.name, source, config.dataset_settings, workers=config.trainer.workers)
            data = data.to(chosen.torch, room=device.room_for_data(chosen.torch))
        del source
    return config, data, decided


@dataclass(frozen=True)
class Given:
    """What a run is given by what starts many of them.

    load: loads the data, perhaps once for several runs. cores: that the run may use, where several share the machine:
    the most that a rule may choose, and as many threads as a run has that leaves them to torch (null). threads: that
    the run was begun with, which it keeps unless its configuration has a number; AUTO: it begins now.
    """

    load: LoadData = load_data
    cores: int | None = None
    threads: int | None = AUTO

    def applied(self, config: RunConfig) -> RunConfig:
        """Return a configuration with the threads that are known before its model is built.

        A number decides rounding, so it becomes part of the configuration, as a value of an `auto` field does.
        """
        threads = config.device_settings.threads
        is_open = threads == AUTO or (threads is None and self.cores is not None)
        if not is_open:
            return config
        if self.threads != AUTO:
            return config.with_threads(self.threads)
        return config if threads == AUTO else config.with_threads(self.cores)


ALONE = Given()
"""Of a run that shares nothing."""


def _facts_of(source: Source) -> Facts:
    """What is known of the data before it is split."""
    return Facts(source.kind, has_numbers(source.goal), len(source.train), shape=tuple(source.train.inputs.shape[1:]))
