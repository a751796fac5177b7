"""dlrun.runs.sweeps.shared_data: data is loaded once for runs that have the same, and for no others."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.loading.split import MemorySplit
from dlrun.errors import DataError
from dlrun.optim import device
from dlrun.runs.sweeps import shared_data

WORDS = ("dataset=iris", "model=linear", "device=cpu", "device.threads=1")


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    yield
    shared_data._kept.clear()


def config_of(*words: str) -> RunConfig:
    (plan,) = plan_runs(parse_overrides([*WORDS, *words], Catalog()), Catalog())
    return compose(plan, Catalog()).config


def inputs(config: RunConfig) -> torch.Tensor:
    _, data, _ = shared_data.load(config, Catalog(), device.set_up(config))
    assert isinstance(data.train, MemorySplit)
    return data.train.inputs


def test_runs_with_the_same_data_share_its_memory() -> None:
    num_bytes = shared_data.keep(config_of(), Catalog())
    assert num_bytes == 150 * 4 * 4 + 150 * 8  # four float32 and an int64 of each row
    first, second = inputs(config_of()), inputs(config_of("seed=3", "optimizer.lr=0.5", "device.threads=2"))
    assert first.data_ptr() == second.data_ptr()
    for other in ("dataset.split_seed=1", "model=mlp", "device.deterministic=true", "dataset.standardise=false"):
        assert inputs(config_of(other)).data_ptr() != first.data_ptr()


def test_a_point_cannot_change_the_settings_of_another() -> None:
    shared_data.keep(config_of(), Catalog())
    of_dataset, data, _ = shared_data.load(config_of("seed=4"), Catalog(), device.set_up(config_of()))
    data.train.channels_last = True
    assert of_dataset.seed == 4
    assert not shared_data.load(config_of(), Catalog(), device.set_up(config_of()))[1].train.channels_last


def test_data_is_kept_until_other_data_is_and_loaded_by_a_thread_that_ends() -> None:
    before = threading.active_count()
    shared_data.keep(config_of(), Catalog())
    first = inputs(config_of())
    shared_data.keep(config_of("seed=9"), Catalog())
    assert inputs(config_of()).data_ptr() == first.data_ptr()
    shared_data.keep(config_of("dataset.fold=1", "dataset.folds=3"), Catalog())
    assert inputs(config_of()).data_ptr() != first.data_ptr()
    assert threading.active_count() == before


def test_an_error_of_loading_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object) -> None:
        raise DataError("iris.csv is damaged.")

    monkeypatch.setattr(shared_data, "load_data", fail)
    with pytest.raises(DataError, match=r"iris\.csv is damaged\."):
        shared_data.keep(config_of(), Catalog())


def test_rows_that_do_not_fit_a_gpu_stay_in_memory_for_every_point(monkeypatch: pytest.MonkeyPatch) -> None:
    shared_data.keep(config_of(), Catalog())
    monkeypatch.setattr(device, "room_for_data", lambda where: 100)
    _, data, _ = shared_data.load(config_of(), Catalog(), device.set_up(config_of()))
    assert "they stay in the machine's memory" in data.notices[-1]
