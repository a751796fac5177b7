"""dlrun.runs.alike: processes that would not train the same are told apart before they train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, DataError
from dlrun.optim.distributed.group import Group
from dlrun.runs.alike import check_alike
from dlrun.training.build import Components, build_components
from tests.harness import configure


class Pair(Group):
    """A group of this process and of another one, which gathers what `other` makes of this one's values."""

    def __init__(self, other: Mapping[str, Any], tree: Mapping[str, Any] | None = None) -> None:
        super().__init__(0, 2, hosts=("here", "there"))
        self._other, self._tree = other, tree or {}

    def gathered(self, value: Any) -> list[Any]:
        return [value, {**value, **(self._tree if "trainer" in value else self._other)}]


@pytest.fixture(scope="module")
def components() -> Components:
    return build_components(configure("dataset=iris", "model=linear", "device=cpu", "device.threads=1"), Catalog())


def check(components: Components, pair: Group) -> None:
    object.__setattr__(components.device, "group", pair)
    check_alike(components)


def test_equal_processes_train(components: Components) -> None:
    check(components, Pair({}))
    check(components, Group())


def test_another_version_is_named(components: Components) -> None:
    with pytest.raises(ConfigError) as raised:
        check(components, Pair({"torch": "1.0", "data": "x"}))
    assert str(raised.value) == (
        f"Rank 1 (on there) would not train the same as rank 0: it has torch 1.0, and rank 0 has {torch.__version__}. "
        "Install the same on all."
    )


def test_other_settings_are_named(components: Components) -> None:
    pair = Pair({"configuration": "x"}, {"seed": 1, "trainer": {**components.config.tree["trainer"], "epochs": 7}})
    with pytest.raises(ConfigError) as raised:
        check(components, pair)
    epochs = components.config.trainer.epochs
    assert str(raised.value) == (
        f"Rank 1 (on there) would not train the same as rank 0: trainer.epochs is 7, and {epochs} on "
        "rank 0; seed is 1, and 0 on rank 0. Start all processes with the same command."
    )


def test_other_data_is_an_error_of_data(components: Components) -> None:
    with pytest.raises(DataError) as raised:
        check(components, Pair({"data": "0123456789abcdef"}))
    assert str(raised.value) == (
        "Rank 1 (on there) would not train the same as rank 0: its data has the fingerprint 0123456789ab, and that of "
        f"rank 0 has {components.data.fingerprint[:12]}. Give all of them the same files; "
        "random numbers of a plugin's dataset need a seed."
    )
