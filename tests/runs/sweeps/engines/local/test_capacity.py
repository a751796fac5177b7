"""dlrun.runs.sweeps.engines.local.capacity: how many points at once, their threads, and whether memory has room."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dlrun.runs.sweeps.engines.local import capacity
from dlrun.runs.sweeps.engines.local.capacity import Places, Room, find_places

GIB = 1 << 30


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"jobs": None}, Places([None] * 8, 1, by_memory=True)),
        ({"jobs": None, "num_points": 2}, Places([None] * 2, 4, by_memory=True)),
        ({"jobs": None, "threads": 3}, Places([None] * 2, 3, by_memory=True)),
        ({"jobs": None, "threads": 99}, Places([None], 99, by_memory=True)),
        ({"jobs": 3}, Places([None] * 3, 2, by_memory=False)),
        ({"jobs": 20}, Places([None] * 20, 1, by_memory=False)),
        ({"jobs": None, "num_cuda": 1}, Places(["cuda:0"] * 4, 2, by_memory=True)),
        ({"jobs": None, "num_cuda": 4}, Places([f"cuda:{n}" for n in (0, 1, 2, 3, 0, 1, 2, 3)], 1, by_memory=True)),
        ({"jobs": 3, "num_cuda": 2}, Places(["cuda:0", "cuda:1", "cuda:0"], 2, by_memory=False)),
    ],
)
def test_places_of_a_machine_with_8_cores(
    asked: dict[str, Any], expected: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "cores", lambda: 8)
    assert find_places(**{"num_cuda": 0, "threads": None, "num_points": None, **asked}) == expected


def worker(needs: int | None = None) -> Any:
    return SimpleNamespace(needs=needs)


def test_the_first_point_tells_how_many_fit() -> None:
    room, first = Room(), worker()
    assert room.has_room([])
    assert not room.has_room([first])  # what it needs is not known yet
    room.learn(first, peak=2 * GIB, free=13 * GIB // 2)
    assert room.has_room([first])  # 4.1 GiB of 5.9 GiB, with 64 MiB for each process
    assert room.has_room([first, worker()]) is False  # 6.2 GiB
    room.learn(worker(), peak=4 * GIB, free=1 * GIB)
    assert not room.has_room([first])  # the next may need as much as the largest: 2.1 GiB and 4.1 GiB
    assert room.has_room([])
