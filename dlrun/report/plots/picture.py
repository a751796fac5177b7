"""Figures of a sweep as PNG: one picture of everything, or a picture each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dlrun.report.plots.figures import Figures
from dlrun.report.plots.png import to_png
from dlrun.report.plots.scene import Scene
from dlrun.runs.sweeps.saved.points import SavedPoint
from dlrun.runs.sweeps.saved.sweep import SavedSweep, describe
from dlrun.wording import printable

_WIDTH = 1_120  # of a row of scenes in the picture


def whole_picture(figures: Figures, sweep: SavedSweep, *, title: str, missing: set[str] | None = None) -> bytes:
    """Return all figures in one PNG. missing: receives the characters that no font has."""
    rows = [[heading(title, 18)], *([scene] for scene in figures.parallel)]
    for scenes in (figures.against, figures.cost):
        rows += _in_rows(scenes)
    if figures.curves:
        rows += [[legend(figures.best, sweep)], *_in_rows(figures.curves)]
    rows += [[heading(f"not shown: {notice}", 12)] for notice in figures.notices]
    return to_png(rows, missing=missing)


def pictures(figures: Figures, sweep: SavedSweep, *, missing: set[str] | None = None) -> dict[str, bytes]:
    """Return a PNG for each figure by its file's name; learning curves have their legend above them.

    missing: receives the characters that no font has.
    """
    found: dict[str, bytes] = {}
    for scene in figures.every():
        name = file_name(scene.name, found)
        rows = [[legend(figures.best, sweep)], [scene]] if scene in figures.curves else [[scene]]
        found[name] = to_png(rows, missing=missing)
    return found


def file_name(name: str, taken: Sequence[str] | dict[str, bytes]) -> str:
    """Return a file's name of letters, digits, dots and underscores that is not taken yet."""
    stem = re.sub(r"[^A-Za-z0-9.]+", "_", name).strip("._")[:80] or "figure"
    number_of = 1
    while (found := f"{stem}.png" if number_of == 1 else f"{stem}_{number_of}.png") in taken:
        number_of += 1
    return found


def heading(text: str, size: float) -> Scene:
    """Return a line of text as a scene."""
    scene = Scene("heading", text, _WIDTH, size + 10)
    scene.label(8, size + 2, printable(text, limit=150), size=size, role="ink")
    return scene


def legend(points: Sequence[SavedPoint], sweep: SavedSweep) -> Scene:
    """Return the legend of the learning curves: a line for each of the best points."""
    scene = Scene("legend", "The best points", _WIDTH, 20 * len(points) + 28)
    scene.label(8, 18, "Learning curves: the best points; all others are grey", size=13, role="ink")
    for place, point in enumerate(points):
        y = 38 + 20 * place
        scene.line([(8, y - 4), (44, y - 4)], f"series{place}", f"series{place}")
        scene.label(52, y, printable(describe(point, sweep), limit=150), role="ink")
    return scene


def _in_rows(scenes: Sequence[Scene]) -> list[list[Scene]]:
    """Put scenes of the same size side by side, as many as fit."""
    if not scenes:
        return []
    each = max(1, int(_WIDTH // scenes[0].width))
    return [list(scenes[start : start + each]) for start in range(0, len(scenes), each)]
