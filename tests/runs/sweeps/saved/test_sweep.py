"""A sweep as it is compared: ranks, seeds together, and points that cannot be compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.runs.sweeps.saved.sweep import describe, describe_ends, read_sweep
from tests.sweep_folders import row, write_sweep


def test_points_are_ranked_and_seeds_are_put_together(tmp_path: Path) -> None:
    rows = [
        row(0, "lr=1", "seed=0", accuracy=0.9),
        row(1, "lr=1", "seed=1", accuracy=0.5),
        row(2, "lr=2", "seed=0", accuracy=0.8),
        row(3, "lr=2", "seed=1", accuracy=0.8),
    ]
    sweep = read_sweep(write_sweep(tmp_path, rows))
    assert [point.number for point in sweep.ranked] == [0, 2, 3, 1]
    assert [(group.numbers, group.mean) for group in sweep.groups] == [((2, 3), 0.8), ((0, 1), 0.7)]
    assert sweep.groups[1].spread == pytest.approx(0.4 / 2**0.5)
    assert sweep.has_seeds
    assert [setting.key for setting in sweep.settings] == ["lr"]


def test_in_a_sweep_over_seeds_alone_each_seed_is_a_setting(tmp_path: Path) -> None:
    sweep = read_sweep(write_sweep(tmp_path, [row(0, "seed=0"), row(1, "seed=1", accuracy=0.25)]))
    assert [setting.key for setting in sweep.settings] == ["seed"]
    assert [group.numbers for group in sweep.groups] == [(0,), (1,)]
    assert not sweep.has_seeds


def test_a_lower_loss_is_better(tmp_path: Path) -> None:
    best = {"metric": "val/rmse", "epoch": 1, "step": 1, "higher_is_better": False}
    rows = [row(n, f"lr={n}", best={**best, "value": value}) for n, value in enumerate((3.0, 1.0, 2.0))]
    sweep = read_sweep(write_sweep(tmp_path, rows))
    assert (sweep.metric, sweep.higher_is_better) == ("val/rmse", False)
    assert [point.number for point in sweep.ranked] == [1, 2, 0]


def test_points_without_a_result_say_why(tmp_path: Path) -> None:
    other = {"metric": "val/rmse", "value": 1.0, "higher_is_better": False}
    rows = [
        row(0, "a=0"),
        row(1, "a=1", accuracy=None),
        row(2, "a=2", metrics={}, best=other),
        row(3, "a=3", status="pruned", error="worse than the median"),
        row(4, "a=4"),
    ]
    sweep = read_sweep(write_sweep(tmp_path, rows))
    assert [(point.number, reason) for point, reason in sweep.others] == [
        (1, "the loss is nan at step 3"),
        (2, "it has no finite val/accuracy"),
        (3, "worse than the median"),
    ]
    assert describe_ends(sweep) == "3 completed, 1 diverged, 1 pruned"


def test_without_a_best_metric_the_loss_is_compared(tmp_path: Path) -> None:
    rows = [row(n, f"a={n}", best=None, metrics={"val/loss": 1.0 - n / 10, "val/x": 1.0}) for n in range(2)]
    sweep = read_sweep(write_sweep(tmp_path, rows))
    assert (sweep.metric, sweep.higher_is_better) == ("val/loss", False)
    assert [point.number for point in sweep.ranked] == [1, 0]


def test_an_unknown_direction_is_told(tmp_path: Path) -> None:
    rows = [row(n, f"a={n}", best={"metric": "val/iou", "value": float(n)}) for n in range(2)]
    sweep = read_sweep(write_sweep(tmp_path, rows))
    assert sweep.notices == ["the results do not say whether a higher val/iou is better: higher is taken as better"]
    assert [point.number for point in sweep.ranked] == [1, 0]


def test_a_sweep_in_which_nothing_has_a_metric(tmp_path: Path) -> None:
    sweep = read_sweep(write_sweep(tmp_path, [row(0, "a=1", accuracy=None)]))
    assert (sweep.metric, sweep.ranked, sweep.groups, len(sweep.others)) == (None, [], [], 1)
    assert describe_ends(read_sweep(write_sweep(tmp_path / "empty", []))) == "0 points"


def test_a_point_in_a_line(tmp_path: Path) -> None:
    sweep = read_sweep(write_sweep(tmp_path, [row(6, "model=mlp", "optimizer.lr=0.01", accuracy=0.95833)]))
    assert describe(sweep.ranked[0], sweep) == "point 6: model=mlp optimizer.lr=0.01, val/accuracy 0.9583"
