"""Plots whose axes are shares."""

from __future__ import annotations

import pytest

from dlrun.report.plots.scene import Box, Dot, Line, Scene
from dlrun.report.plots.shares import recall_plot, reliability_plot, roc_plot
from dlrun.runs.analysis.reports import Bin, ClassCurves


def lines(scene: Scene, shape: str) -> list[Line]:
    return [mark for mark in scene.marks if isinstance(mark, Line) and mark.shape == shape]


def curves(count: int) -> list[ClassCurves]:
    corner = [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
    return [ClassCurves(f"c{n}", 1.0, 1.0, corner, [(0.0, 1.0), (1.0, 0.5)]) for n in range(count)]


def test_a_roc_curve_goes_from_corner_to_corner_beside_the_diagonal() -> None:
    scene = roc_plot(curves(1))
    (diagonal,), (curve,) = lines(scene, "front"), lines(scene, "series0")
    assert (curve.vertices[0], curve.vertices[-1]) == tuple(diagonal.vertices)
    assert curve.vertices[1] == (diagonal.vertices[0][0], diagonal.vertices[1][1])


def test_the_first_five_are_in_colour() -> None:
    scene = recall_plot(curves(7))
    assert [len(lines(scene, f"series{n}")) for n in range(5)] == [1] * 5
    assert len(lines(scene, "faint")) == 2


def test_reliability() -> None:
    scene = reliability_plot([Bin(0.5, 1.0, 0.25), Bin(1.0, 0.5, 0.75)])
    (diagonal,), (curve,) = lines(scene, "front"), lines(scene, "series0")
    (left, bottom), (right, top) = diagonal.vertices
    first, second = curve.vertices
    assert first == pytest.approx(((left + right) / 2, top))
    assert second == pytest.approx((right, (bottom + top) / 2))
    bars = [mark for mark in scene.marks if isinstance(mark, Box)]
    assert bars[1].height == pytest.approx((bottom - top) / 4)  # the highest
    assert bars[0].height == pytest.approx(bars[1].height / 3)
    assert bars[1].x + bars[1].width == pytest.approx(right)
    assert len([mark for mark in scene.marks if isinstance(mark, Dot)]) == 2
    assert lines(reliability_plot([Bin(0.5, 1.0, 1.0)]), "series0") == []
