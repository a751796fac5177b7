"""The importance of columns as a picture."""

from __future__ import annotations

import io

from PIL import Image

from dlrun.report.plots.importance_picture import importance_picture
from dlrun.runs.explain.attribution import ColumnImportance, Importance


def height(count: int) -> int:
    columns = [ColumnImportance(f"c{number}", 1 / (number + 1), 0.01, (0.1, 0.2)) for number in range(count)]
    with Image.open(io.BytesIO(importance_picture(Importance("test", "r2", True, 0.9, 20, 20, columns)))) as picture:
        return picture.height


def test_a_bar_for_each_of_at_most_forty_columns() -> None:
    assert height(11) - height(1) == 10 * 22 * 2
    assert height(42) == height(40)
