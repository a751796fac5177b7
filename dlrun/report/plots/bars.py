"""Bars from a zero line to both sides, a row each, with a name before and the amount behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from dlrun.report.plots.scene import Box, Scene
from dlrun.wording import number, printable

WIDTH = 760.0
FOR, AGAINST = "series0", "series1"
"""Roles: what adds to an output, and what takes from it."""
_ROW, _TOP = 22.0, 10.0
_CHARACTER, _MOST_NAME, _MOST_VALUE = 6.8, 30, 22  # picture units; characters


@dataclass(frozen=True)
class Bar:
    """deviation: drawn as a line around the end of the bar. text: the amount as it is written."""

    name: str
    value: str
    amount: float
    text: str
    deviation: float = 0.0
    is_rest: bool = False  # what is left out, drawn in grey


def draw_bars(name: str, title: str, bars: Sequence[Bar]) -> Scene:
    """Draw bars below each other, in the order given."""
    names = max((min(cell_len(bar.name), _MOST_NAME) for bar in bars), default=1) * _CHARACTER
    values = max((min(cell_len(bar.value), _MOST_VALUE) for bar in bars), default=0) * _CHARACTER
    left = 14 + names + (values + 14 if values else 0)
    scene = Scene(name, title, WIDTH, 2 * _TOP + _ROW * len(bars))
    reaches = [bar.amount + side * bar.deviation for bar in bars for side in (-1, 1)]
    low, high = min([0.0, *reaches]), max([0.0, *reaches])
    room = 14 + _CHARACTER * max((len(bar.text) for bar in bars), default=0)  # for an amount beside its bar
    start = left + 12 + (room if any(bar.amount < 0 for bar in bars) else 0)
    unit = (WIDTH - start - room) / ((high - low) or 1.0)
    zero = start - low * unit
    for place, bar in enumerate(bars):
        y = _TOP + place * _ROW
        scene.label(
            14 + names, y + 15, printable(bar.name), "end", most=_MOST_NAME, role="muted" if bar.is_rest else "ink"
        )
        if bar.value:
            scene.label(14 + names + 12, y + 15, printable(bar.value), most=_MOST_VALUE)
        end = zero + bar.amount * unit
        role = "other" if bar.is_rest else FOR if bar.amount >= 0 else AGAINST
        scene.marks.append(Box(min(zero, end), y + 4, max(abs(end - zero), 0.5), _ROW - 8, role))
        reach = bar.deviation * unit
        if reach:
            scene.line([(end - reach, y + _ROW / 2), (end + reach, y + _ROW / 2)], "bar", "ink")
        side = 1 if bar.amount >= 0 else -1
        scene.label(end + side * (reach + 6), y + 15, bar.text, "start" if side > 0 else "end", role="ink")
    scene.line([(zero, _TOP), (zero, _TOP + _ROW * len(bars))], "axis", "other")
    return scene


def amount_text(amount: float, deviation: float | None = None) -> str:
    """Return "+0.4712", or "0.1312 ± 0.0101"."""
    if deviation is None:
        return f"{'+' if amount > 0 else '-' if amount < 0 else ''}{number(abs(amount))}"
    return f"{number(amount)} ± {number(deviation)}"
