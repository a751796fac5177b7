"""Points become jobs: those of one kind together, in parts that keep every worker busy."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.cli.point_runner import PointRunner
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.sweeps.jobs import Point
from dlrun.runs.sweeps.packing.eligible import Mode
from dlrun.runs.sweeps.packing.packer import MOST_POINTS, Packer, divide, summary


def points_of(folder: Path, *words: str) -> list[Point]:
    request = parse_overrides(["dataset=iris", *words], Catalog(), multirun=True)
    plans = plan_runs(request, Catalog())
    return [Point(number, plan, folder / str(number)) for number, plan in enumerate(plans)]


def jobs_of(points: list[Point], mode: Mode, capacity: int = 1) -> tuple[list[list[int]], list[str]]:
    said: list[str] = []
    packer = Packer(mode, PointRunner((), (), quiet=True).composed, say=said.append)
    jobs = packer.jobs(points, capacity=capacity)
    return [[point.number for point in job.points] for job in jobs], said


def test_points_that_differ_in_numbers_are_one_job(own_folder: Path) -> None:
    points = points_of(own_folder, "model=mlp,linear", "optimizer.lr=0.1,0.01,0.001", "seed=0")
    assert jobs_of(points, "on") == ([[0, 1, 2], [3, 4, 5]], ["packed: 6 points as 2 batched models"])
    assert jobs_of(points, "off") == ([[0], [1], [2], [3], [4], [5]], [])


def test_a_pack_is_divided_between_the_workers(own_folder: Path) -> None:
    points = points_of(own_folder, "model=mlp", "seed=0,1,2,3,4,5,6,7,8")
    assert jobs_of(points, "auto", capacity=2)[0] == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]
    assert jobs_of(points, "auto", capacity=3)[0] == [[number] for number in range(9)]  # packs would leave one idle


def test_what_is_not_packed_is_told_with_its_reason(own_folder: Path) -> None:
    points = points_of(own_folder, "model=mlp", "seed=0,1", "trainer.ema=null,0.9", "trainer.accumulate=1,2")
    jobs, said = jobs_of(points, "on")
    assert jobs == [[0, 4], [1], [2], [3], [5], [6], [7]]
    assert said == ["packed: 2 points as 1 batched model; not packed: 6 (4: trainer.accumulate=2, 2: trainer.ema=0.9)"]


def test_auto_leaves_few_points_alone_and_says_nothing(own_folder: Path) -> None:
    assert jobs_of(points_of(own_folder, "model=mlp", "seed=0,1,2"), "auto") == ([[0], [1], [2]], [])
    said = jobs_of(points_of(own_folder, "model=mlp", "seed=0,1,2", "trainer.epochs=1,2"), "on")[1]
    assert said == ["packed: 6 points as 2 batched models"]


def test_a_point_that_was_begun_before_runs_alone(own_folder: Path) -> None:
    points = points_of(own_folder, "model=mlp", "seed=0,1,2")
    (own_folder / "1").mkdir()
    (own_folder / "1" / "config.yaml").touch()
    assert jobs_of(points, "on") == (
        [[0, 2], [1]],
        ["packed: 2 points as 1 batched model; not packed: 1 (begun before)"],
    )


@pytest.mark.parametrize(
    ("count", "capacity", "sizes"),
    [
        (8, 1, [8]),
        (9, 2, [5, 4]),
        (7, 4, [7]),  # two parts would have fewer than 4 points
        (MOST_POINTS + 2, 1, [65, 65]),
        (4 * MOST_POINTS, 2, [MOST_POINTS] * 4),
    ],
)
def test_parts_are_of_nearly_one_size(own_folder: Path, count: int, capacity: int, sizes: list[int]) -> None:
    (point,) = points_of(own_folder, "model=mlp")
    assert [len(part) for part in divide([point] * count, capacity=capacity, fewest=4)] == sizes


def test_one_reason_is_told_once(own_folder: Path) -> None:
    (point,) = points_of(own_folder, "model=mlp")
    assert summary([(point, "why"), (point, "why")]) == "2 (why)"
    assert summary([(point, "why"), (point, "else")]) == "2 (1: why, 1: else)"
