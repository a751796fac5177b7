"""What any process of a run wishes: to stop, to save, to say that a number is not finite.

A signal reaches each process at another moment. A wish counts once all processes have heard it, which is after the same
step in all of them; until then the one that has it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum


class Wish(IntEnum):
    """The place of each wish among the numbers that the processes add."""

    INTERRUPT = 0  # SIGINT
    TERMINATE = 1  # SIGTERM
    SAVE = 2
    END_IN_TIME = 3
    NOT_FINITE = 4
    SAME_DRAWS = 5  # random states may differ, and have to be made equal


NUM_WISHES = len(Wish)


class Wishes:
    """The wishes of this process, and what becomes of those that all processes have heard."""

    def __init__(self) -> None:
        self._own: Callable[[], frozenset[Wish]] = frozenset
        self._hear: Callable[[frozenset[Wish]], None] = _ignore
        self.were_exchanged = False  # since this was last set to False

    def connect(self, own: Callable[[], frozenset[Wish]], hear: Callable[[frozenset[Wish]], None]) -> None:
        """Ask `own` for this process's wishes from now on, and give all that were heard to `hear`."""
        self._own, self._hear = own, hear

    def own(self) -> list[float]:
        """Return a number for each wish: 1.0 if this process has it."""
        found = self._own()
        return [1.0 if wish in found else 0.0 for wish in Wish]

    def hear(self, sums: Sequence[float]) -> None:
        """Receive the sums of those numbers over all processes."""
        self.were_exchanged = True
        self._hear(frozenset(wish for wish in Wish if sums[wish] != 0.0))


def _ignore(wishes: frozenset[Wish]) -> None:
    """Of a process that nobody connected."""
