"""Time steps: the numbers of a series above, what each step adds below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlrun.report.plots.bars import AGAINST, FOR, WIDTH
from dlrun.report.plots.scene import Box, Scene
from dlrun.report.plots.style import NUM_SERIES
from dlrun.runs.explain.found import Share
from dlrun.wording import number

_LEFT, _RIGHT, _HALF, _GAP = 70.0, 14.0, 130.0, 18.0  # picture units
_MOST_BARS = 600
_NAMES = 8


def draw_steps(name: str, title: str, shares: Sequence[Share], series: NDArray[np.float64] | None) -> Scene:
    """Draw up to five columns of a series, (T, F), each from its lowest number up, and bars of its steps."""
    top = 12.0
    below = top + (_HALF + _GAP if series is not None else 0.0)
    scene = Scene(name, title, WIDTH, below + _HALF + 34)
    each = (WIDTH - _LEFT - _RIGHT) / max(1, len(shares))
    if series is not None:
        for column in reversed(range(min(series.shape[1], NUM_SERIES))):
            values = series[:, column]
            low, high = float(values.min()), float(values.max())
            height = [top + _HALF * (1 - (float(value) - low) / ((high - low) or 1.0)) for value in values]
            vertices = [(_LEFT + (step + 0.5) * each, y) for step, y in enumerate(height)]
            scene.line(
                vertices,
                f"series{column}" if series.shape[1] > 1 else "bar",
                f"series{column}" if series.shape[1] > 1 else "ink",
            )
        if series.shape[1] == 1:
            scene.label(_LEFT - 8, top + 10, number(float(series.max())), "end")
            scene.label(_LEFT - 8, top + _HALF, number(float(series.min())), "end")
    amounts = [share.amount for share in shares]
    low, high = min([0.0, *amounts]), max([0.0, *amounts])
    unit = _HALF / ((high - low) or 1.0)
    zero = below + high * unit
    for step, amount in enumerate(amounts):
        y = zero - max(amount, 0.0) * unit
        gap = min(1.0, each / 4)
        scene.marks.append(
            Box(
                _LEFT + step * each + gap / 2,
                y,
                each - gap,
                max(abs(amount) * unit, 0.3),
                FOR if amount >= 0 else AGAINST,
            )
        )
    scene.line([(_LEFT, zero), (WIDTH - _RIGHT, zero)], "axis", "other")
    if high > 0:
        scene.label(_LEFT - 8, below + 10, f"+{number(high)}", "end")
    if low < 0:
        scene.label(_LEFT - 8, below + _HALF, f"-{number(-low)}", "end")
    stride = max(1, -(-len(shares) // _NAMES))
    for step in range((len(shares) - 1) % stride, len(shares), stride):
        scene.label(_LEFT + (step + 0.5) * each, below + _HALF + 20, shares[step].name, "middle", most=10)
    return scene
