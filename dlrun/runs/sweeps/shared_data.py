"""Data that is loaded once for many points: in a process from which the processes of the points are forked.

Each point gets the memory of that process copy-on-write, so that the data is there once, and nothing that a point
changes reaches another. A point that finds no data here loads its own.
"""

from __future__ import annotations

import dataclasses
import random
import threading
from dataclasses import dataclass

import numpy as np
import torch

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.loading.split import MemorySplit
from dlrun.optim import device
from dlrun.optim.device import Device
from dlrun.training.loading import Loaded, load_data


@dataclass(frozen=True)
class _Kept:
    loaded: Loaded
    seed: int | None  # of the run, if loading drew random numbers; None: any


_kept: dict[str, _Kept] = {}


def keep(config: RunConfig, catalog: Catalog) -> int:
    """Load the data of a run and keep it, instead of any that was kept before; return its bytes.

    Rows that are read when needed are not kept: their number of bytes is 0. Raises what `load_data` raises.
    """
    if _find(config) is not None:
        return _num_kept_bytes()
    _kept.clear()
    failures: list[Exception] = []

    def load() -> None:
        try:
            _load(config, catalog)
        except Exception as error:  # noqa: BLE001 - raised below
            failures.append(error)

    # In a thread of its own: OpenMP's threads end with the thread that used them, and a process that has any must not
    # be forked.
    thread = threading.Thread(target=load, name="dlrun-data")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return _num_kept_bytes()


def _load(config: RunConfig, catalog: Catalog) -> None:
    chosen = device.set_up(dataclasses.replace(config, device_name="cpu"))  # a GPU would not survive a fork
    before = _random_states()
    loaded = load_data(config, catalog, chosen)
    if all(isinstance(split, MemorySplit) for split in loaded[1].splits.values()):
        drew = _random_states() != before
        _kept[config.data_key] = _Kept(loaded, config.seed if drew else None)


def load(config: RunConfig, catalog: Catalog, chosen: Device) -> Loaded:
    """Return the data of a run as `load_data` does: what was kept, if it is the same, or else newly loaded."""
    kept = _find(config)
    if kept is None:
        return load_data(config, catalog, chosen)
    of_dataset, data, decided = kept.loaded
    data = data.to(chosen.torch, room=device.room_for_data(chosen.torch))
    return config.with_dataset_of(of_dataset), data, decided


def _find(config: RunConfig) -> _Kept | None:
    kept = _kept.get(config.data_key)
    return kept if kept is not None and kept.seed in (None, config.seed) else None


def _random_states() -> tuple[object, ...]:
    return random.getstate(), repr(np.random.get_state()), torch.get_rng_state().numpy().tobytes()


def _num_kept_bytes() -> int:
    bundles = [kept.loaded[1] for kept in _kept.values()]
    splits = [split for data in bundles for split in data.splits.values() if isinstance(split, MemorySplit)]
    tensors = [tensor for split in splits for tensor in (split.inputs, split.targets, split.lengths, split.weights)]
    return sum(tensor.nbytes for tensor in tensors if tensor is not None)
