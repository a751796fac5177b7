"""The benchmark of several processes: its table, with runs that are not started."""

from __future__ import annotations

import pytest

from benchmarks import scaling
from benchmarks.scaling import WORKLOADS, Way, Workload


def test_efficiency_is_paired_within_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = iter([100.0, 110.0, 180.0, 50.0, 60.0, 95.0, 100.0, 120.0, 170.0])  # three rounds of three ways
    asked: list[Way] = []

    def speed(workload: Workload, way: Way, *, share: float) -> float:
        asked.append(way)
        return next(speeds)

    monkeypatch.setattr(scaling, "speed", speed)
    one, threads, processes = scaling.table(WORKLOADS["mlp"], processes=2, rounds=3)
    assert asked == [Way(1, 1), Way(1, 2), Way(2, 1)] * 3
    assert one.split() == ["1", "process", "of", "1", "thread", "100", "images/s", "1.00x", "efficiency", "100%"]
    assert threads.endswith("110 images/s   1.20x  efficiency 60%")
    assert processes.endswith("170 images/s   1.80x  efficiency 90%")
