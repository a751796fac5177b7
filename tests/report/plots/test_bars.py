"""Bars to both sides of a zero line."""

from __future__ import annotations

import pytest

from dlrun.report.plots.bars import AGAINST, FOR, WIDTH, Bar, amount_text, draw_bars
from dlrun.report.plots.scene import Box, Label, Line


def test_bars_go_from_the_zero_line_in_proportion() -> None:
    bars = [Bar("a", "1", 4.0, "+4"), Bar("b", "2", -2.0, "-2"), Bar("3 more", "", 1.0, "+1", is_rest=True)]
    scene = draw_bars("column", "What each column adds", bars)
    boxes = [mark for mark in scene.marks if isinstance(mark, Box)]
    (zero,) = [mark for mark in scene.marks if isinstance(mark, Line)]
    x = zero.vertices[0][0]
    assert [box.role for box in boxes] == [FOR, AGAINST, "other"]
    assert boxes[0].x == boxes[2].x == pytest.approx(x)
    assert boxes[1].x + boxes[1].width == pytest.approx(x)
    assert boxes[0].width == pytest.approx(2 * boxes[1].width) == pytest.approx(4 * boxes[2].width)
    assert all(box.x >= 0 and box.x + box.width < WIDTH for box in boxes)
    assert [mark.text for mark in scene.marks if isinstance(mark, Label)] == [
        "a",
        "1",
        "+4",
        "b",
        "2",
        "-2",
        "3 more",
        "+1",
    ]


def test_a_deviation_is_a_line_around_the_end_of_its_bar() -> None:
    scene = draw_bars("importance", "", [Bar("a", "", 4.0, "4", deviation=1.0)])
    (box,) = [mark for mark in scene.marks if isinstance(mark, Box)]
    reach = next(mark for mark in scene.marks if isinstance(mark, Line) and mark.shape == "bar")
    (left, _), (right, _) = reach.vertices
    assert (left + right) / 2 == pytest.approx(box.x + box.width)
    assert right - left == pytest.approx(box.width / 2)


def test_no_amount_at_all() -> None:
    scene = draw_bars("column", "", [Bar("a", "", 0.0, "0")])
    assert [mark.width for mark in scene.marks if isinstance(mark, Box)] == [0.5]


def test_amounts_as_text() -> None:
    assert [amount_text(0.25), amount_text(-2.0), amount_text(0.0)] == ["+0.2500", "-2", "0"]
    assert amount_text(0.25, 0.01) == "0.2500 ± 0.0100"
