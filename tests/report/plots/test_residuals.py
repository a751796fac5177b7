"""Plots of predicted numbers."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.report.plots.residuals import (
    error_by_step,
    linear_scale,
    loss_by_position,
    predicted_plot,
    residual_histogram,
    residual_plot,
    residuals_in_order,
    window_plot,
)
from dlrun.report.plots.scene import Box, Dot, Label, Line, Scene
from dlrun.runs.analysis.reports import NumberReport, Window

REPORT = NumberReport("y", np.array([[0.0], [10.0]]), np.array([[0.0], [8.0]]), 2, False)


def dots(scene: Scene) -> list[Dot]:
    return [mark for mark in scene.marks if isinstance(mark, Dot)]


def lines(scene: Scene, shape: str) -> list[Line]:
    return [mark for mark in scene.marks if isinstance(mark, Line) and mark.shape == shape]


def texts(scene: Scene) -> list[str]:
    return [mark.text for mark in scene.marks if isinstance(mark, Label)]


def test_what_is_predicted_rightly_is_on_the_line() -> None:
    scene = predicted_plot(REPORT)
    (line,) = lines(scene, "front")
    (left, bottom), (right, top) = line.vertices
    on, below = dots(scene)
    slope = (top - bottom) / (right - left)
    assert on.y == pytest.approx(bottom + (on.x - left) * slope)
    assert below.y > bottom + (below.x - left) * slope


def test_residuals_are_predicted_minus_true() -> None:
    scene = residual_plot(REPORT)
    (zero,) = lines(scene, "front")
    first, second = dots(scene)
    assert first.y == pytest.approx(zero.vertices[0][1])
    assert second.y > zero.vertices[0][1]  # below zero


def test_a_histogram_counts_every_prediction() -> None:
    errors = np.repeat([-1.0, 0.0, 1.0], [10, 20, 10]).reshape(-1, 1)
    scene = residual_histogram(NumberReport("y", np.zeros_like(errors), errors, 40, False))
    heights = [mark.height for mark in scene.marks if isinstance(mark, Box)]
    assert max(heights) / min(height for height in heights if height) == pytest.approx(2)
    empty = residual_histogram(NumberReport("y", np.full((1, 1), np.nan), np.zeros((1, 1)), 1, False))
    assert not [mark for mark in empty.marks if isinstance(mark, Box) and mark.height]


def test_a_forecast_in_the_order_of_time_and_by_step() -> None:
    report = NumberReport("y", np.zeros((3, 2)), np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]), 3, True)
    in_order = dots(residuals_in_order(report))
    assert [dot.x for dot in in_order] == sorted(dot.x for dot in in_order)
    assert in_order[0].y > in_order[1].y > in_order[2].y
    first, second = dots(error_by_step(report))
    assert first.x < second.x
    assert first.y > second.y  # 2 and 4
    assert "steps ahead" in texts(error_by_step(report))


def test_a_window_goes_on_from_what_was_known() -> None:
    scene = window_plot(Window("load", [1.0, 2.0], [3.0], [1.0]))
    (known,), (came,) = lines(scene, "thin"), lines(scene, "series0") or [None]
    assert len(known.vertices) == 2
    assert came is None  # of one step only a dot is drawn
    assert [dot.role for dot in dots(scene)] == ["series0", "series1"]
    longer = window_plot(Window("load", [1.0, 2.0], [3.0, 4.0], [1.0, 0.0]))
    assert lines(longer, "series0")[0].vertices[0] == lines(longer, "thin")[0].vertices[-1]


def test_the_loss_by_place() -> None:
    (line,) = lines(loss_by_position([3.0, 2.0, 1.0]), "series0")
    assert [y for _, y in line.vertices] == sorted(y for _, y in line.vertices)


def test_an_axis_has_room_and_ignores_what_is_not_finite() -> None:
    scale = linear_scale([0.0, float("nan"), 10.0, float("inf")])
    assert (scale.low, scale.high) == pytest.approx((-0.4, 10.4))
    assert (linear_scale([5.0]).low, linear_scale([5.0]).high) == pytest.approx((4.5, 5.5))
    assert (linear_scale([]).low, linear_scale([]).high) == (0.0, 1.0)
