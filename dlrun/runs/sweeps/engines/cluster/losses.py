"""How often the job of a point was lost, and when a point is given up."""

from __future__ import annotations

from dlrun.errors import StorageError
from dlrun.runs.sweeps.jobs import Point
from dlrun.storage.reading import read_regular

MOST_LOSSES = 3  # the point is run again after each; the next one without progress gives it up


class Losses:
    """Counts, for each point, how often in a row its job ended without getting further than the one before."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._saved: dict[int, str] = {}

    def count(self, point: Point, reason: str) -> str | None:
        """Count a loss; return why the point is given up, or None if it should run again.

        A job that saved a newer checkpoint than the one before made progress: a long point may need many jobs.
        """
        saved = _newest_checkpoint(point)
        if saved != self._saved.get(point.number, ""):
            self._counts[point.number] = 0
        self._saved[point.number] = saved
        self._counts[point.number] = self._counts.get(point.number, 0) + 1
        if self._counts[point.number] <= MOST_LOSSES:
            return None
        kept = f"; {saved} is its newest checkpoint" if saved else ""
        return f"Its job ended early {MOST_LOSSES + 1} times without progress{kept}. The last time: {reason}"


def _newest_checkpoint(point: Point) -> str:
    """Return the name of the checkpoint from which the point would go on, such as step-40; empty if there is none."""
    try:
        return read_regular(point.folder / "checkpoints" / "last").decode().strip()
    except (OSError, StorageError, UnicodeDecodeError):  # none yet
        return ""
