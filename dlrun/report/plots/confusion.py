"""A confusion matrix: a row for each class, a column for each class that was predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from dlrun.report.plots.scene import Box, Scene
from dlrun.report.plots.style import heat_role, on_heat_role
from dlrun.wording import number

MOST_CLASSES = 30
_WIDTH = 470.0  # of all cells together, at most
_CELL = (15.0, 72.0)  # the least and the largest side of a cell
_CHARACTER, _APART, _MOST_NAME = 6.6, 8, 22  # picture units; characters of a name


def confusion_matrix(confusion: NDArray[np.float64], names: Sequence[str]) -> Scene:
    """Draw a matrix, (K, K) of at most 30 classes; the colour is the share of the class, so that rare ones are seen."""
    count = len(names)
    cell = min(max(_WIDTH / count, _CELL[0]), _CELL[1])
    longest = max(min(cell_len(name), _MOST_NAME) for name in names)
    left, top = 14 + longest * (_CHARACTER + 1), 8.0
    below = 16 + (longest * _CHARACTER if _is_turned(names, cell) else 14)
    scene = Scene("confusion", "Confusion matrix", left + cell * count + 14, top + cell * count + below + 22)
    totals = confusion.sum(axis=1)
    for row in range(count):
        y = top + row * cell
        for column in range(count):
            share = float(confusion[row, column] / totals[row]) if totals[row] else 0.0
            _draw_cell(scene, left + column * cell, y, cell, float(confusion[row, column]), share)
        scene.label(left - 6, y + cell / 2 + 4, names[row], "end", most=_MOST_NAME, keeps="both")
    _name_columns(scene, names, left, top + count * cell, cell)
    return scene


def _draw_cell(scene: Scene, x: float, y: float, cell: float, value: float, share: float) -> None:
    gap = 1.0 if cell > 20 else 0.5
    scene.marks.append(Box(x, y, cell - gap, cell - gap, heat_role(share)))
    text = f"{value:.0f}" if value == int(value) else number(value)
    size = min(13.0, cell / max(len(text), 2) * 1.35)
    if value and size >= 6:
        scene.label(x + cell / 2, y + cell / 2 + size * 0.36, text, "middle", size=size, role=on_heat_role(share))


def _is_turned(names: Sequence[str], cell: float) -> bool:
    return max(map(cell_len, names)) * _CHARACTER + _APART > cell


def _name_columns(scene: Scene, names: Sequence[str], left: float, bottom: float, cell: float) -> None:
    is_turned = _is_turned(names, cell)
    for column, name in enumerate(names):
        x = left + (column + 0.5) * cell
        if is_turned:
            scene.label(x + 4, bottom + 8, name, "end", most=_MOST_NAME, keeps="both", is_turned=True)
        else:
            scene.label(x, bottom + 16, name, "middle", most=_MOST_NAME, keeps="both")
