"""Lines of text above a plot: the first one larger."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.report.plots.bars import WIDTH
from dlrun.report.plots.scene import Scene
from dlrun.wording import printable

_MOST = 118  # characters of a line


def lines_of_text(lines: Sequence[str], *, width: float = WIDTH) -> Scene:
    """Return lines of text as a scene, each cut to its width."""
    scene = Scene("text", lines[0], width, 26 + 18 * (len(lines) - 1))
    scene.label(8, 19, printable(lines[0], limit=95), size=15, role="ink")
    for place, line in enumerate(lines[1:], start=1):
        scene.label(8, 20 + 18 * place, printable(line, limit=_MOST))
    return scene
