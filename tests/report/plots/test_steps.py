"""What steps add, below the numbers of their series."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.report.plots.scene import Box, Label, Line
from dlrun.report.plots.steps import draw_steps
from dlrun.runs.explain.attribution import Share

SHARES = [Share("t-2", "", 1.0), Share("t-1", "", -2.0), Share("t", "", 0.5)]


def test_bars_are_below_the_series() -> None:
    scene = draw_steps("steps", "What each step adds", SHARES, {"heat": np.array([1.0, 3.0, 2.0])})
    boxes = [mark for mark in scene.marks if isinstance(mark, Box)]
    series = next(mark for mark in scene.marks if isinstance(mark, Line) and mark.shape == "best")
    assert [box.role for box in boxes] == ["series0", "series1", "series0"]
    assert [box.height for box in boxes] == pytest.approx([boxes[1].height / 2, boxes[1].height, boxes[1].height / 4])
    (_, lowest), (_, highest), (_, middle) = series.vertices
    assert middle == pytest.approx((lowest + highest) / 2)
    assert max(lowest, highest) < min(box.y for box in boxes)
    centres = [box.x + box.width / 2 for box in boxes]
    assert [x for x, _ in series.vertices] == pytest.approx(centres)
    texts = [mark.text for mark in scene.marks if isinstance(mark, Label)]
    assert texts == ["3", "1", "+1", "-2", "t-2", "t-1", "t"]


def test_several_columns_have_a_colour_each_and_a_sound_has_none() -> None:
    scene = draw_steps("steps", "", SHARES, {"heat": np.arange(3.0), "rain": np.arange(3.0)})
    shapes = [mark.shape for mark in scene.marks if isinstance(mark, Line)]
    assert shapes == ["best", "best", "series1", "series1", "axis"]  # lines, and their legend
    assert draw_steps("time", "", SHARES, {}).height < scene.height


def test_many_steps_are_named_at_round_distances_with_the_last_below_its_bar() -> None:
    shares = [Share(f"t-{23 - step}" if step < 23 else "t", "", 1.0) for step in range(24)]
    scene = draw_steps("steps", "", shares, {})
    names = [mark for mark in scene.marks if isinstance(mark, Label) and mark.text.startswith("t")]
    assert [mark.text for mark in names] == ["t-20", "t-15", "t-10", "t-5", "t"]
    last = [mark for mark in scene.marks if isinstance(mark, Box)][-1]
    assert (names[-1].x, names[-1].anchor) == (pytest.approx(last.x + last.width / 2, abs=1), "middle")
