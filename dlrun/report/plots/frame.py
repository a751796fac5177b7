"""The frame of a plot with two axes: grid, ticks and names."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rich.cells import cell_len

from dlrun.report.plots.scales import Scale
from dlrun.report.plots.scene import Scene

_CHARACTER = 6.6  # picture units, of a tick's label
_MOST_TICK, _LEAST_TICK = 11, 4  # characters


@dataclass(frozen=True)
class Frame:
    """Turns values into places of a scene: `left` to `right` and `bottom` to `top`."""

    x: Scale
    y: Scale
    left: float
    right: float
    top: float
    bottom: float

    def place(self, x: float | str | None, y: float | str | None) -> tuple[float, float]:
        """Return the place of a pair of values."""
        return (
            self.left + (self.right - self.left) * self.x.at(x),
            self.bottom + (self.top - self.bottom) * self.y.at(y),
        )


def draw_frame(scene: Scene, x: Scale, y: Scale, *, x_name: str, y_name: str) -> Frame:
    """Draw grid, ticks and the axes' names, and return the frame; the y axis is named at the top, not sideways."""
    y_ticks, x_ticks = y.ticks(5), x.ticks(5)
    widest = max((min(cell_len(label), _MOST_TICK) for _, label in y_ticks), default=1)
    left = 14 + widest * _CHARACTER
    frame = Frame(x, y, left, scene.width - 14, 34, scene.height - 44)
    scene.label(8, 18, y_name, most=int((scene.width - 16) / 7), size=13, role="ink")
    for place, label in y_ticks:
        at = frame.bottom + (frame.top - frame.bottom) * place
        scene.line([(frame.left, at), (frame.right, at)], "grid", "grid")
        scene.label(frame.left - 6, at + 4, label, "end", most=_MOST_TICK)
    room = (frame.right - frame.left) / max(len(x_ticks), 1)
    ends = -1e9
    stride = math.ceil(_LEAST_TICK * _CHARACTER / room) if x.categories else 1
    for number, (place, label) in enumerate(x_ticks):
        at = frame.left + (frame.right - frame.left) * place
        scene.line([(at, frame.bottom), (at, frame.bottom + 4)], "axis", "muted")
        most = max(_LEAST_TICK, int(room / _CHARACTER)) if x.categories else 12
        if number % stride:
            continue
        half = min(cell_len(label), most) * _CHARACTER / 2
        if at - half > ends + 5 or x.categories:  # ticks beside a slot may be near one another
            inside = min(max(at, half + 2), scene.width - half - 2)
            scene.label(inside, frame.bottom + 18, label, "middle", most=most)
            ends = at + half
    scene.line([(frame.left, frame.bottom), (frame.right, frame.bottom)], "axis", "muted")
    scene.label((frame.left + frame.right) / 2, scene.height - 8, x_name, "middle", most=int(scene.width / 7.5),
                size=13, role="ink", keeps="end")  # fmt: skip
    return frame
