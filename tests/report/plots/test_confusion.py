"""A confusion matrix as a scene."""

from __future__ import annotations

import numpy as np

from dlrun.report.plots.confusion import confusion_matrix
from dlrun.report.plots.scene import Box, Label


def test_cells_have_counts_and_the_colour_of_the_share_of_the_class() -> None:
    scene = confusion_matrix(np.array([[3.0, 1.0], [0.0, 0.5]]), ["no", "yes"])
    boxes = [mark for mark in scene.marks if isinstance(mark, Box)]
    labels = [mark for mark in scene.marks if isinstance(mark, Label)]
    assert [box.role for box in boxes] == ["heat7", "heat2", "heat0", "heat9"]
    assert [(label.text, label.role) for label in labels] == [
        ("3", "paper"), ("1", "ink"), ("no", "muted"), ("0.5000", "paper"), ("yes", "muted"), ("no", "muted"),
        ("yes", "muted"),
    ]  # fmt: skip
    assert boxes[0].y == boxes[1].y < boxes[2].y
    assert not any(label.is_turned for label in labels)


def test_a_class_without_rows_and_names_longer_than_a_cell() -> None:
    scene = confusion_matrix(np.zeros((20, 20)), [f"a long name {n:02d} of a class" for n in range(20)])
    labels = [mark for mark in scene.marks if isinstance(mark, Label)]
    assert {mark.role for mark in scene.marks if isinstance(mark, Box)} == {"heat0"}
    assert [label.is_turned for label in labels] == [False] * 20 + [True] * 20
    assert all(len(label.text) == 22 and label.whole for label in labels)
    assert scene.height > scene.width - 200
