from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dlrun.errors import ConfigError
from dlrun.runs.sweeps.pareto import best_loss, check_objectives, check_row, mean_losses, pareto_front, value_of
from dlrun.runs.sweeps.rows import SweepRow


def row(point: int, accuracy: float, parameters: int, *, words: str = "", **more: Any) -> SweepRow:
    best = {"metric": "val/accuracy", "value": accuracy, "higher_is_better": True}
    metrics: Mapping[str, float] = more.pop("metrics", {"val/accuracy": accuracy, "val/loss": 1 - accuracy})
    overrides = (words or f"optimizer.lr={point}").split()
    return SweepRow(point, overrides, more.pop("status", "completed"), metrics, best, parameters=parameters, **more)


ROWS = [row(0, 0.9, 100), row(1, 0.8, 50), row(2, 0.85, 100), row(3, 0.8, 60), row(4, 0.95, 1000), row(5, 0.8, 50)]
BOTH = ["accuracy", "parameters"]


def test_nothing_beats_a_point_of_the_front_in_everything() -> None:
    # 2 has the size of 0 and is worse; 3 has the accuracy of 1 and is larger; 5 equals 1.
    assert pareto_front(ROWS, BOTH) == {0, 1, 4, 5}
    assert pareto_front(ROWS, ["accuracy"]) == {4}
    assert pareto_front(ROWS, ["loss", "parameters"]) == {0, 1, 4, 5}


def test_only_completed_points_with_finite_values_are_in_the_front() -> None:
    failed = row(6, 1.0, 1, status="diverged")
    without = row(7, 1.0, 1, metrics={"val/accuracy": math.nan})
    assert pareto_front([*ROWS, failed, without], BOTH) == {0, 1, 4, 5}


def test_seeds_are_judged_by_their_mean() -> None:
    rows = [
        row(0, 0.9, 10, words="optimizer.lr=1 seed=0"),
        row(1, 0.5, 10, words="optimizer.lr=1 seed=1"),  # 0.7 on average
        row(2, 0.8, 10, words="optimizer.lr=2 seed=0"),
        row(3, 0.7, 10, words="optimizer.lr=2 seed=1"),  # 0.75
    ]
    assert pareto_front(rows, BOTH) == {2, 3}
    assert mean_losses(rows[:2], BOTH) == pytest.approx((-0.7, 10))
    assert mean_losses([*rows[:2], row(4, 0.9, 10, status="failed")], BOTH) is None


def test_costs_are_objectives(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"samples_per_second": 1234.5}))
    taken = row(0, 0.9, 100, seconds=3.5, run_dir=str(tmp_path))
    names = ("seconds", "samples_per_second", "val/loss", "accuracy", "parameters", "f1")
    assert [value_of(taken, name) for name in names] == [3.5, 1234.5, pytest.approx(0.1), 0.9, 100.0, None]
    assert mean_losses([taken], ["seconds", "samples_per_second"]) == (3.5, -1234.5)
    assert value_of(row(0, 0.9, 100, run_dir="nowhere"), "samples_per_second") is None


def test_a_metric_of_a_plugin_has_the_direction_that_it_declares(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"metric_directions": {"iou": "max"}}))
    assert mean_losses([row(0, 0.9, 1, metrics={"val/iou": 0.4}, run_dir=str(tmp_path))], ["iou"]) == (-0.4,)


def test_the_metric_of_the_checkpoints_is_the_default() -> None:
    assert best_loss(ROWS[0]) == -0.9
    assert best_loss(SweepRow(0, [], "completed", best={"metric": "val/loss", "value": 0.5})) == 0.5
    assert best_loss(SweepRow(0, [], "failed")) is None
    assert mean_losses([ROWS[0]], []) == (-0.9,)


@pytest.mark.parametrize(
    ("name", "message", "fix"),
    [
        (
            "acuracy",
            'No run has such a metric on its validation rows, or such a cost. Did you mean "accuracy"?',
            "search.objectives=[accuracy]",
        ),
        (
            "parameter",
            'No run has such a metric on its validation rows, or such a cost. Did you mean "parameters"?',
            "search.objectives=[parameters]",
        ),
        ("test/loss", "Points are chosen by validation rows: loss. Test rows would no longer test.", None),
    ],
)
def test_an_unknown_objective_is_told_before_the_first_point(name: str, message: str, fix: str | None) -> None:
    (found,) = check_objectives([name], is_plain=True)
    assert (found.where, found.message, found.id, found.fix) == (
        f"search.objectives=[{name}]", message, "unknown-metric", fix,
    )  # fmt: skip


def test_objectives_that_may_exist_are_accepted() -> None:
    assert check_objectives(["accuracy", "val/loss", "parameters", "rmse_price"], is_plain=True) == []
    assert check_objectives(["iou"], is_plain=False) == []  # a plugin may have it
    (twice,) = check_objectives(["loss", "loss"], is_plain=True)
    assert twice.message == "It is named twice."


def test_the_first_row_tells_what_there_is(tmp_path: Path) -> None:
    check_row(ROWS[0], BOTH)
    with pytest.raises(ConfigError) as caught:
        check_row(ROWS[0], ["acc", "rmse"])
    assert [(each.message, each.fix) for each in caught.value.problems] == [
        (
            'No run has such a metric on its validation rows, or such a cost. Did you mean "accuracy"?',
            "search.objectives=[accuracy]",
        ),
        (
            "No run has such a metric on its validation rows, or such a cost. Choose from: accuracy, loss, parameters, "
            "samples_per_second, seconds.",
            None,
        ),
    ]
    with pytest.raises(ConfigError) as caught:
        check_row(row(0, 0.9, 1, metrics={"val/iou": 0.4}, run_dir=str(tmp_path)), ["iou"])
    assert caught.value.problems[0].message == "Nothing says whether more or less of it is better."
