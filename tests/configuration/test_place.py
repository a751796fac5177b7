"""The place of a process, read from the environment of its launcher."""

from __future__ import annotations

import pytest

from dlrun.configuration.place import ALONE, Place, place_of_process
from dlrun.errors import ConfigError

LAUNCHED = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "node1",
    "MASTER_PORT": "29500",
}


def test_a_launcher_says_the_place() -> None:
    place = place_of_process(LAUNCHED)
    assert place == Place(3, 4, 1, 2, "node1:29500")
    assert not place.is_first
    assert not place.is_alone


@pytest.mark.parametrize("missing", LAUNCHED)
def test_without_any_of_the_variables_a_lone_process_is_alone(missing: str) -> None:
    lone = {**LAUNCHED, "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", missing: ""}
    assert place_of_process(lone) is ALONE
    assert ALONE.is_first
    assert ALONE.is_alone
    assert place_of_process({"MASTER_ADDR": "node1", "WORLD_SIZE": "4"}) is ALONE


def test_one_of_several_processes_that_lacks_a_variable_does_not_train_alone() -> None:
    with pytest.raises(ConfigError) as raised:
        place_of_process({**LAUNCHED, "LOCAL_RANK": "", "LOCAL_WORLD_SIZE": ""})
    assert str(raised.value) == (
        "1 problem in the configuration:\n  RANK\n      The environment says RANK=3 WORLD_SIZE=4 MASTER_ADDR=node1 "
        "MASTER_PORT=29500, so this is one of several processes, but not LOCAL_RANK, LOCAL_WORLD_SIZE. Set all of them "
        "to train together, or unset RANK to train alone."
    )
    with pytest.raises(ConfigError, match=r"but not MASTER_PORT\. Set it too to train together"):
        place_of_process({**LAUNCHED, "MASTER_PORT": ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RANK", "4"),
        ("RANK", "-1"),
        ("RANK", "one"),
        ("WORLD_SIZE", "1"),
        ("LOCAL_RANK", "2"),
        ("MASTER_PORT", "0"),
        ("MASTER_PORT", "65536"),
        ("MASTER_PORT", "http"),
    ],
)
def test_variables_that_contradict_each_other_are_told(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name}={value}.*expected 0 <= RANK < WORLD_SIZE.*a port from 1 to 65535"):
        place_of_process({**LAUNCHED, name: value})
