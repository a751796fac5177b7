"""Data that the points of a pack share: loaded by the first of them."""

from __future__ import annotations

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.optim.device import Device
from dlrun.training.loading import LoadData, Loaded
from dlrun.training.state import random_state


class LoadedOnce:
    """Loads data as `load` does, and returns it again for every configuration after the first.

    Data that drew random numbers from the run's own generators depends on its seed, and is loaded anew for another.
    """

    def __init__(self, load: LoadData) -> None:
        self._load = load
        self._first: Loaded | None = None
        self._seed: int | None = None  # that the data depends on

    def __call__(self, config: RunConfig, catalog: Catalog, chosen: Device) -> Loaded:
        """Return the data. config: of a point of the pack, whose dataset is that of all others."""
        if self._first is not None and self._seed in (None, config.seed):
            of_dataset, data, decided = self._first
            return config.with_dataset_of(of_dataset), data, decided
        before = _drawn()
        loaded = self._load(config, catalog, chosen)
        if self._first is None:
            self._first, self._seed = loaded, None if _drawn() == before else config.seed
        return loaded


def _drawn() -> object:
    tensors, values = random_state()
    return {name: state.tolist() for name, state in tensors.items()}, values
