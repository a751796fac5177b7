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
def test_without_any_of_the_variables_a_process_is_alone(missing: str) -> None:
    assert place_of_process({**LAUNCHED, missing: ""}) is ALONE
    assert ALONE.is_first
    assert ALONE.is_alone


@pytest.mark.parametrize(
    ("name", "value"), [("RANK", "4"), ("RANK", "-1"), ("RANK", "one"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "2")]
)
def test_variables_that_contradict_each_other_are_told(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name}={value}.*expected 0 <= RANK < WORLD_SIZE"):
        place_of_process({**LAUNCHED, name: value})
