"""Time steps: the numbers of a series above, what each step adds below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dlrun.report.plots.bars import AGAINST, FOR, WIDTH
from dlrun.report.plots.scene import Box, Scene, shortened
from dlrun.runs.explain.attribution import Share
from dlrun.wording import number, printable

_LEFT, _RIGHT, _HALF, _GAP = 70.0, 14.0, 130.0, 18.0  # picture units
_LEGEND, _CHARACTER = 20.0, 6.4
_LEAST = 0.04  # of the height, from which the largest amount to a side is written
_LOOKS = (("best", "ink"), ("series1", "series2"), ("series2", "series3"), ("series3", "series4"), ("series4", "other"))
"""Shape and role of each column: no colour that an amount has."""
_NAMES = 8
_STRIDES = [factor * 10**power for power in range(12) for factor in (1, 2, 5)]


def draw_steps(name: str, title: str, shares: Sequence[Share], series: Mapping[str, NDArray[np.float64]]) -> Scene:
    """Draw up to five columns of a series, (T,) by name, each from its lowest number up, and bars of what steps add."""
    top = 12.0 + (_LEGEND if len(series) > 1 else 0.0)
    below = top + (_HALF + _GAP if series else 0.0)
    scene = Scene(name, title, WIDTH, below + _HALF + 34)
    each = (WIDTH - _LEFT - _RIGHT) / max(1, len(shares))
    _draw_series(scene, series, top, each)
    amounts = [share.amount for share in shares]
    low, high = min([0.0, *amounts]), max([0.0, *amounts])
    unit = _HALF / ((high - low) or 1.0)
    zero = below + high * unit
    gap = min(1.0, each / 4)
    for step, amount in enumerate(amounts):
        y, role = zero - max(amount, 0.0) * unit, FOR if amount >= 0 else AGAINST
        scene.marks.append(Box(_LEFT + step * each + gap / 2, y, each - gap, max(abs(amount) * unit, 0.3), role))
    scene.line([(_LEFT, zero), (WIDTH - _RIGHT, zero)], "axis", "other")
    if high > _LEAST * (high - low):
        scene.label(_LEFT - 8, below + 10, f"+{number(high)}", "end")
    if -low > _LEAST * (high - low):
        scene.label(_LEFT - 8, below + _HALF, f"-{number(-low)}", "end")
    stride = next(count for count in _STRIDES if count * _NAMES >= len(shares))
    for step in range((len(shares) - 1) % stride, len(shares), stride):
        x, shown = _LEFT + (step + 0.5) * each, shortened(shares[step].name, 10)
        ends = x + len(shown) * _CHARACTER / 2 > WIDTH - 4  # beyond the picture
        scene.label(WIDTH - 4 if ends else x, below + _HALF + 20, shown, "end" if ends else "middle")
    return scene


def _draw_series(scene: Scene, series: Mapping[str, NDArray[np.float64]], top: float, each: float) -> None:
    x = _LEFT
    for (name, values), (shape, role) in zip(series.items(), _LOOKS, strict=False):
        low, high = float(values.min()), float(values.max())
        height = [top + _HALF * (1 - (float(value) - low) / ((high - low) or 1.0)) for value in values]
        scene.line([(_LEFT + (step + 0.5) * each, y) for step, y in enumerate(height)], shape, role)
        if len(series) > 1:
            scene.line([(x, 14.0), (x + 30, 14.0)], shape, role)
            shown = f"{printable(name, limit=24)}, {number(low)} to {number(high)}"
            scene.label(x + 36, 18, shown)
            x += 60 + _CHARACTER * len(shown)
        else:
            scene.label(_LEFT - 8, top + 10, number(high), "end")
            scene.label(_LEFT - 8, top + _HALF, number(low), "end")
