"""The direction of metrics: as a result declares it, as older results need it, and for all that dlrun computes."""

from __future__ import annotations

import pytest

from dlrun.tasks.gan import GanTask
from dlrun.tasks.metric_names import DIRECTIONS, is_higher_better
from tests.tasks.test_goals import GOALS


@pytest.mark.parametrize(
    ("metric", "result", "expected"),
    [
        ("test/iou", {"metric_directions": {"iou": "max"}}, True),
        ("iou", {"metric_directions": {"iou": "min"}}, False),
        ("val/iou", {"best": {"metric": "val/iou", "higher_is_better": True}}, True),
        ("val/dice", {"best": {"metric": "val/iou", "higher_is_better": True}}, None),
        ("val/accuracy", {"best": {"metric": "val/accuracy"}}, True),  # written before results had directions
        ("test/rmse", {"best": None}, False),
        ("val/iou", {"status": "unfinished"}, None),
    ],
)
def test_a_result_decides_then_the_table(metric: str, result: dict[str, object], expected: bool | None) -> None:
    assert is_higher_better(metric, result) is expected


@pytest.mark.parametrize("declared", [*(goal.metrics for goal in GOALS.values()), GanTask.metrics])
def test_the_table_of_older_results_has_every_metric_of_dlrun(declared: dict[str, str]) -> None:
    assert declared
    assert declared.items() <= DIRECTIONS.items()
