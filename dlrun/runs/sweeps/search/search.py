"""What the driver of a sweep asks of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dlrun.configuration.plan import Plan
from dlrun.runs.sweeps.jobs import Measured
from dlrun.runs.sweeps.rows import SweepRow


@dataclass(frozen=True)
class Known:
    """A point that the sweep's folder has already, when the sweep goes on.

    number: also of its folder. words: every key that its command set, as `KEY=VALUE` with one value each (the text of
    the plan's point.settings).
    """

    number: int
    words: tuple[str, ...]


class Search(Protocol):
    """Chooses the points of a sweep, one after another. Inherit from it: what need not be done does nothing here.

    num_points: how many there will be, with those of an earlier start; None if only time or the results decide.

    A point's number is that of its folder. The driver knows a plan that the folder has already by its configuration,
    and then gives it its old number; every other plan gets one more than the highest number so far, from 0. A plan
    whose point is done is not trained again: its row is told at once, before the next point is asked for.
    """

    num_points: int | None

    def recall(self, known: Sequence[Known]) -> None:
        """Take the points that the sweep's folder has already, by number; called once, before the first `next`.

        A search whose points depend on nothing but its settings (grid, random) ignores this: it returns the same
        plans from `next` again. One whose points depend on the results (tpe) returns from `next` first a plan of each
        known point, with the values in its words, and then new ones; it learns from their rows as from any other.
        A point whose words are not of this search (the folder may hold another command's points too) is left out.
        """
        return

    def next(self) -> Plan | None:
        """Return the next point, or None: there is none now, or, if no point is running either, at all."""
        ...

    def begin(self, point: int, overrides: Sequence[str]) -> None:
        """Take the number of the plan that `next` returned last, and its overrides, before it is asked again."""
        return

    def observe(self, point: int, measured: Measured) -> str | None:
        """Take an evaluation of a running point; return why it should stop, or None."""
        return None

    def tell(self, row: SweepRow) -> None:
        """Take the outcome of a point that `next` returned: when it ended, or at once if it was done before."""
        return


class Around(Search):
    """A search that adds something to another one, which chooses the points."""

    def __init__(self, inner: Search) -> None:
        self.inner = inner
        self.num_points = inner.num_points

    def recall(self, known: Sequence[Known]) -> None:
        self.inner.recall(known)
        self.num_points = self.inner.num_points

    def next(self) -> Plan | None:
        plan = self.inner.next()
        self.num_points = self.inner.num_points
        return plan

    def begin(self, point: int, overrides: Sequence[str]) -> None:
        self.inner.begin(point, overrides)

    def observe(self, point: int, measured: Measured) -> str | None:
        return self.inner.observe(point, measured)

    def tell(self, row: SweepRow) -> None:
        self.inner.tell(row)
