"""Where a point of a sweep is trained: its number and folder, or the outcome that it has already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dlrun.configuration.plan import Plan
from dlrun.runs.sweeps.jobs import Point
from dlrun.runs.sweeps.rows import ROWS, SweepRow, append_row
from dlrun.runs.sweeps.search.search import Known


@dataclass(frozen=True)
class Placed:
    """A plan with its number and folder. row: its outcome, if it is not to be trained."""

    point: Point
    row: SweepRow | None = None


class Places(Protocol):
    """Numbers the points of a sweep and keeps their rows."""

    def known(self) -> Sequence[Known]:
        """Return the points that the sweep had before, by number."""
        ...

    def place(self, plan: Plan) -> Placed:
        """Return the place of the next plan; called once for each, just before it is trained."""
        ...

    def add(self, row: SweepRow) -> SweepRow:
        """Keep the outcome of a point, and return it as it is kept."""
        ...

    @property
    def folder(self) -> Path:
        """The sweep's folder."""
        ...


class NewPlaces:
    """Numbers from 0 in the order of asking, each with a folder of that name: for a sweep without a ledger."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    @property
    def folder(self) -> Path:
        """The sweep's folder."""
        return self._folder

    def known(self) -> Sequence[Known]:
        """Return nothing: every point is new."""
        return ()

    def place(self, plan: Plan) -> Placed:
        """Give the plan the next number."""
        self._count += 1
        number = self._count - 1
        return Placed(Point(number, plan, self._folder / str(number)))

    def add(self, row: SweepRow) -> SweepRow:
        """Add the row to sweep.jsonl."""
        append_row(self._folder / ROWS, row)
        return row
